// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "actors/launcher/durable_file.hpp"

namespace troupe::actors {
namespace {

/// The number that the holder wrote into the lock file, or nothing.
std::string holder(int lock) {
  char text[32] = {};
  const ssize_t length = ::pread(lock, text, sizeof text - 1, 0);
  const std::string pid(text, length > 0 ? static_cast<std::size_t>(length) : 0);
  return pid.substr(0, pid.find_first_not_of("0123456789"));
}

}  // namespace

model::Result<DataDirectory> DataDirectory::open(const std::string& path) {
  std::error_code failed;
  const bool created = std::filesystem::create_directories(path, failed);
  if (failed) {
    return model::Error{model::ErrorCode::io,
                        "cannot create the data directory " + path + ": " + failed.message() +
                            ". Choose another with --data-dir",
                        path};
  }
  if (created) ::chmod(path.c_str(), 0700);
  const std::string lock_path = path + "/lock";
  Descriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return file_error("open", lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return file_error("lock", lock_path);
    const std::string pid = holder(lock.get());
    return model::Error{model::ErrorCode::io,
                        "the data directory " + path + " is in use by another server" +
                            (pid.empty() ? "" : " (process " + pid + ")") +
                            ": stop that one, or choose another with --data-dir",
                        path};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return file_error("write", lock_path);
  }
  return DataDirectory(path, std::move(lock));
}

}  // namespace troupe::actors
