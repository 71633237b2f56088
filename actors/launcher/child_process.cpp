// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "actors/launcher/durable_file.hpp"
#include "actors/launcher/worker_arguments.hpp"

namespace troupe::actors {
namespace {

/// glibc 2.36 has the function, but its header does not serve C++. The descriptor is close-on-exec.
int pidfd_open(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

/// In the child, between fork and exec.
[[noreturn]] void become(const std::string& program, std::vector<char*>& argv,
                         const std::vector<int>& inherited, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotStart);  // it died before the line above
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
  for (int fd : inherited) ::fcntl(fd, F_SETFD, 0);
  ::execv(program.c_str(), argv.data());
  const char* reason = std::strerror(errno);
  const std::string message = "troupe: cannot execute " + program + ": " + reason + "\n";
  const ssize_t ignored = ::write(STDERR_FILENO, message.data(), message.size());
  static_cast<void>(ignored);
  ::_exit(kCannotStart);
}

}  // namespace

std::string to_string(const ProcessEnd& end) {
  if (!end.by_signal) return "exit status " + std::to_string(end.number);
  const char* name = ::sigabbrev_np(end.number);
  return "signal " + std::to_string(end.number) + " (" +
         (name == nullptr ? "unnamed" : std::string("SIG") + name) + (end.dumped ? ", core dumped)" : ")");
}

model::Result<ChildProcess> ChildProcess::start(const std::string& program,
                                                const std::vector<std::string>& arguments,
                                                const std::vector<int>& inherited) {
  std::vector<std::string> words = {"troupe"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return file_error("start", program);
  if (pid == 0) become(program, argv, inherited, parent);
  Descriptor pidfd(pidfd_open(pid));
  if (!pidfd.valid()) {
    const model::Error error = file_error("watch", program);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return ChildProcess(pid, std::move(pidfd));
}

ChildProcess::~ChildProcess() {
  if (!pidfd_.valid()) return;
  signal(SIGKILL);
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED);
}

void ChildProcess::signal(int number) const {
  if (pidfd_.valid()) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

std::optional<ProcessEnd> ChildProcess::take_end() {
  siginfo_t info{};
  if (!pidfd_.valid()) return std::nullopt;
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
    return std::nullopt;
  }
  pidfd_.reset();
  return ProcessEnd{info.si_code != CLD_EXITED, info.si_status, info.si_code == CLD_DUMPED};
}

}  // namespace troupe::actors
