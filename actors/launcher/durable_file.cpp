// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "actors/launcher/descriptor.hpp"

namespace troupe::actors {

model::Error file_error(const std::string& doing, const std::string& path) {
  const int reason = errno;
  std::string remedy;
  if (reason == ENOSPC || reason == EDQUOT) remedy = ": free some space on its file system";
  if (reason == EACCES || reason == EPERM || reason == EROFS)
    remedy = ": the server must be able to write there";
  return {model::ErrorCode::io, "cannot " + doing + " " + path + ": " + std::strerror(reason) + remedy, path};
}

model::Result<void> write_durably(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  {
    const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.valid()) return file_error("create", beside);
    while (!text.empty()) {
      const ssize_t written = ::write(file.get(), text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return file_error("write", beside);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(file.get()) != 0) return file_error("sync", beside);
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return file_error("replace", path);
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid() || ::fsync(opened.get()) != 0) return file_error("sync", directory);
  return {};
}

}  // namespace troupe::actors
