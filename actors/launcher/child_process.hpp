// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "actors/launcher/descriptor.hpp"
#include "model/error.hpp"

namespace troupe::actors {

/// How a process ended.
struct ProcessEnd {
  bool by_signal = false;
  int number = 0;  ///< the exit status, or the signal
  bool dumped = false;
  bool operator==(const ProcessEnd&) const = default;
};

/// "exit status 3", "signal 11 (SIGSEGV, core dumped)".
std::string to_string(const ProcessEnd& end);

/// A process started by this one, which must have a single thread: the child's death signal is tied to the
/// thread that forked it. Killed and awaited when it goes out of scope.
class ChildProcess {
 public:
  /// Starts `program` with `arguments` (after its name). It inherits standard input, output and error and
  /// `inherited`, nothing else; is killed when its parent ends; is in a process group of its own, so that a
  /// Ctrl-C at the terminal reaches it only through its parent; and has the usual signal mask. A program that
  /// cannot be executed ends with kCannotStart. Errors: io.
  static model::Result<ChildProcess> start(const std::string& program,
                                           const std::vector<std::string>& arguments,
                                           const std::vector<int>& inherited);
  ~ChildProcess();
  ChildProcess(ChildProcess&&) noexcept = default;
  ChildProcess& operator=(ChildProcess&&) = delete;

  pid_t pid() const { return pid_; }
  /// Readable (poll) when the process has ended.
  int pidfd() const { return pidfd_.get(); }
  /// Sends a signal to this process, never to another that got its number.
  void signal(int number) const;
  /// How it ended, once; nothing while it runs.
  std::optional<ProcessEnd> take_end();

 private:
  ChildProcess(pid_t pid, Descriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  Descriptor pidfd_;  ///< closed once the end was taken
};

}  // namespace troupe::actors
