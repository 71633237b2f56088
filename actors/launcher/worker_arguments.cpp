// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/worker_arguments.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <limits>
#include <optional>

#include "actors/launcher/descriptor.hpp"
#include "actors/launcher/durable_file.hpp"

namespace troupe::actors {
namespace {

template <class Number>
bool read_number(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0;
}

}  // namespace

std::vector<std::string> to_command_line(const WorkerArguments& arguments) {
  std::vector<std::string> line = {"worker",
                                   "--fd-http",
                                   std::to_string(arguments.fd_http),
                                   "--fd-admin",
                                   std::to_string(arguments.fd_admin),
                                   "--first-generation",
                                   std::to_string(arguments.first_generation)};
  if (arguments.fd_configuration >= 0) {
    line.insert(line.end(), {"--fd-configuration", std::to_string(arguments.fd_configuration)});
  }
  line.insert(line.end(), arguments.rest.begin(), arguments.rest.end());
  return line;
}

model::Result<WorkerArguments> parse_worker_arguments(std::span<const std::string> arguments) {
  WorkerArguments parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    bool good = true;
    if (name == "--fd-http") {
      good = has_value && read_number(arguments[++i], parsed.fd_http);
    } else if (name == "--fd-admin") {
      good = has_value && read_number(arguments[++i], parsed.fd_admin);
    } else if (name == "--fd-configuration") {
      good = has_value && read_number(arguments[++i], parsed.fd_configuration);
    } else if (name == "--first-generation") {
      good = has_value && read_number(arguments[++i], parsed.first_generation);
    } else {
      parsed.rest.push_back(name);
    }
    if (!good) {
      return model::Error{model::ErrorCode::bad_config,
                          "worker: " + name + " needs a number, not less than 0", name};
    }
  }
  if (parsed.fd_http < 0 || parsed.fd_admin < 0 || parsed.first_generation == 0) {
    return model::Error{model::ErrorCode::bad_config,
                        "troupe worker is started by troupe serve only: use troupe serve", "worker"};
  }
  return parsed;
}

model::Result<int> make_inherited_text(const std::string& text) {
  Descriptor file(::memfd_create("troupe-configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return file_error("create", "a memory file");
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return file_error("write", "a memory file");
  }
  return ::fcntl(file.get(), F_DUPFD_CLOEXEC, 3);
}

model::Result<std::string> read_inherited_text(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    return file_error("read", "the configuration, descriptor " + std::to_string(fd));
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    // At a position of its own: the descriptor is shared with every other worker.
    const ssize_t got = ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got <= 0) return file_error("read", "the configuration, descriptor " + std::to_string(fd));
    done += static_cast<std::size_t>(got);
  }
  return text;
}

}  // namespace troupe::actors
