set(TROUPE_SUPERVISOR_SOURCES
  supervisor/restart_policy.cpp)
