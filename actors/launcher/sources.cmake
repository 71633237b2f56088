set(TROUPE_LAUNCHER_SOURCES
  launcher/child_process.cpp
  launcher/crash_evidence.cpp
  launcher/data_directory.cpp
  launcher/durable_file.cpp
  launcher/generation_counter.cpp
  launcher/launcher.cpp
  launcher/worker_arguments.cpp)
