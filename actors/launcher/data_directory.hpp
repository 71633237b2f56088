// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "actors/launcher/descriptor.hpp"
#include "model/error.hpp"

namespace troupe::actors {

/// The data directory of one server, created when it is not there, and locked: two servers in one directory
/// would write one audit log. The lock belongs to the descriptor; a worker that inherits it keeps it beyond
/// the launcher's end.
class DataDirectory {
 public:
  /// Errors: io, naming the directory, and the process that uses it.
  static model::Result<DataDirectory> open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  int lock() const { return lock_.get(); }

 private:
  DataDirectory(std::string path, Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  Descriptor lock_;
};

}  // namespace troupe::actors
