set(TROUPE_AUDIT_SOURCES
  audit/audit_log.cpp
  audit/audit_record.cpp
  audit/audit_storage.cpp
  audit/audit_verify.cpp
  audit/line_reader.cpp
  audit/record_chain.cpp
  audit/utc_time.cpp)
