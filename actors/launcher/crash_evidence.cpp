// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/crash_evidence.hpp"

#include <algorithm>
#include <filesystem>

#include "actors/audit/utc_time.hpp"
#include "actors/launcher/durable_file.hpp"
#include "config/text.hpp"

namespace troupe::actors {

std::string to_json(const CrashEvidence& evidence) {
  return "{\"time\":\"" + rfc3339(evidence.time) +
         "\",\"process\":\"worker\",\"pid\":" + std::to_string(evidence.pid) +
         ",\"first_generation\":" + std::to_string(evidence.first_generation) +
         ",\"reason\":" + config::in_quotes(to_string(evidence.end)) +
         (evidence.end.by_signal ? ",\"signal\":" : ",\"status\":") + std::to_string(evidence.end.number) +
         ",\"uptime_ms\":" + std::to_string(evidence.uptime.count()) +
         ",\"decision\":" + config::in_quotes(evidence.decision) + "}\n";
}

model::Result<std::string> save_evidence(const std::string& directory, const CrashEvidence& evidence) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) {
    return model::Error{model::ErrorCode::io, "cannot create " + directory + ": " + failed.message(),
                        directory};
  }
  std::string name = rfc3339(evidence.time);
  std::replace(name.begin(), name.end(), ':', '-');
  const std::string path = directory + "/" + name + "-" + std::to_string(evidence.pid) + ".json";
  if (auto written = write_durably(path, to_json(evidence)); !written) return written.error();
  return path;
}

}  // namespace troupe::actors
