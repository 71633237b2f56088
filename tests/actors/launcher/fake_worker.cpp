// SPDX-License-Identifier: Apache-2.0
// A worker for the launcher's tests: notes its start in a file, then does what it is told.
//   serve            answer connections with the first generation, end with 0 at SIGTERM
//   stubborn         the same, but ignore SIGTERM
//   exit N           end at once with status N
//   crash N          die of SIGSEGV in the first N starts, then serve
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "actors/launcher/worker_arguments.hpp"

namespace {

volatile sig_atomic_t stop = 0;
void on_term(int) {
  stop = 1;
}

std::string open_descriptors() {
  std::vector<int> numbers;
  DIR* directory = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(directory)) {
    const int number = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && number != ::dirfd(directory)) numbers.push_back(number);
  }
  ::closedir(directory);
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  for (int number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

int count_lines(const std::string& path) {
  std::ifstream file(path);
  int lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

int serve(const troupe::actors::WorkerArguments& arguments) {
  const std::string answer = "generation " + std::to_string(arguments.first_generation) + "\n";
  while (stop == 0) {
    pollfd listening{arguments.fd_http, POLLIN, 0};
    if (::poll(&listening, 1, 20) <= 0) continue;
    const int connection = ::accept(arguments.fd_http, nullptr, nullptr);
    if (connection < 0) continue;
    ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::close(connection);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 2, argv + argc);
  const auto parsed = troupe::actors::parse_worker_arguments(words);
  if (!parsed || parsed->rest.size() < 2) {
    std::cerr << "fake worker: bad arguments\n";
    return 99;
  }
  const std::string& notes = parsed->rest[0];
  const std::string& what = parsed->rest[1];
  std::string text = "none";
  if (parsed->fd_configuration >= 0) text = *troupe::actors::read_inherited_text(parsed->fd_configuration);
  const std::string descriptors = open_descriptors();
  std::ofstream(notes, std::ios::app) << "generation=" << parsed->first_generation << " pid=" << ::getpid()
                                      << " descriptors=" << descriptors << " configuration=" << text << '\n';
  ::signal(SIGTERM, what == "stubborn" ? SIG_IGN : on_term);
  if (what == "exit") return std::stoi(parsed->rest[2]);
  if (what == "crash" && count_lines(notes) <= std::stoi(parsed->rest[2])) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
  }
  return serve(*parsed);
}
