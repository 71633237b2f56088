// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_storage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "actors/launcher/descriptor.hpp"
#include "actors/launcher/durable_file.hpp"

namespace troupe::actors {
namespace {

using model::Result;

Result<void> write_fully(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_fully(int fd, std::uint64_t offset, std::uint64_t length, const std::string& path) {
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got = ::pread(fd, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

class DirectoryStorage : public AuditStorage {
 public:
  explicit DirectoryStorage(std::string directory)
      : directory_(std::move(directory)),
        log_path_(directory_ + "/" + kAuditLogName),
        head_path_(directory_ + "/" + kAuditHeadName) {}

  Result<std::uint64_t> open() override {
    log_.reset(::open(log_path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log_.valid()) return file_error("open", log_path_);
    head_.reset(::open(head_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!head_.valid()) return file_error("open", head_path_);
    ::posix_fadvise(log_.get(), 0, 0, POSIX_FADV_DONTNEED);
    const Descriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() || ::fsync(directory.get()) != 0) return file_error("sync", directory_);
    struct stat status {};
    if (::fstat(log_.get(), &status) != 0) return file_error("look at", log_path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<std::string> read(std::uint64_t offset, std::uint64_t length) override {
    return read_fully(log_.get(), offset, length, log_path_);
  }
  Result<void> append(std::string_view bytes) override { return write_fully(log_.get(), bytes, log_path_); }
  Result<void> sync() override {
    if (::fdatasync(log_.get()) != 0) return file_error("sync", log_path_);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(log_.get(), static_cast<off_t>(size)) != 0) return file_error("truncate", log_path_);
    return sync();
  }

  Result<std::string> save_torn(std::string_view bytes) override {
    for (int number = 1;; ++number) {
      const std::string path = log_path_ + ".torn-" + std::to_string(number);
      const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (!file.valid() && errno == EEXIST) continue;
      if (!file.valid()) return file_error("create", path);
      if (auto written = write_fully(file.get(), bytes, path); !written) return written.error();
      if (::fsync(file.get()) != 0) return file_error("sync", path);
      return path;
    }
  }

  Result<std::string> load_head() override { return read_fully(head_.get(), 0, 4096, head_path_); }
  Result<void> store_head(std::string_view text) override {
    // One short write in place: it can be late after a power loss, hardly torn, and read_head refuses a torn
    // one.
    if (::pwrite(head_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
      return file_error("write", head_path_);
    }
    return {};
  }

 private:
  std::string directory_;
  std::string log_path_;
  std::string head_path_;
  Descriptor log_;
  Descriptor head_;
};

}  // namespace

std::unique_ptr<AuditStorage> open_audit_storage(const std::string& directory) {
  return std::make_unique<DirectoryStorage>(directory);
}

}  // namespace troupe::actors
