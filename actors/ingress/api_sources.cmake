set(TROUPE_INGRESS_API_SOURCES
  ingress/answer_writer.cpp
  ingress/api.cpp
  ingress/request_builder.cpp)
