// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/audit_command.hpp"

#include <optional>
#include <ostream>

#include "actors/audit/audit_storage.hpp"
#include "actors/audit/audit_verify.hpp"
#include "actors/commands/command_line.hpp"
#include "config/text.hpp"

namespace troupe::actors {
namespace {

constexpr int kBad = 1;

constexpr const char* kAbout =
    "Follows the hash chain of an audit log and names the first record that was\n"
    "changed, removed, repeated or moved. Works on a copy, and without a server.\n"
    "\n"
    "A chain cannot show by itself that its end was cut off or rewritten. For that\n"
    "the log is held against the head beside it (audit.head), or against one that you\n"
    "kept elsewhere: the \"records\" and \"head\" that an earlier run printed.\n"
    "\n"
    "Exit status: 0 good, 1 a bad record, 2 wrong usage or an unreadable file.\n";

constexpr const char* kExamples =
    "  troupe audit verify --data-dir troupe-data\n"
    "  troupe audit verify copy.jsonl --json\n"
    "  troupe audit verify copy.jsonl --expect-count 1200 --expect-head 9f86d0...\n";

void print_json(const std::string& path, const AuditVerdict& verdict, std::ostream& out) {
  out << "{\"ok\":" << (verdict.bad ? "false" : "true") << ",\"file\":" << config::in_quotes(path)
      << ",\"records\":" << verdict.head.count << ",\"bytes\":" << verdict.head.bytes << ",\"head\":\""
      << verdict.head.hash << '"';
  if (verdict.bad) {
    out << ",\"bad\":{\"record\":" << verdict.bad->record << ",\"line\":" << verdict.bad->record
        << ",\"offset\":" << verdict.bad->offset << ",\"reason\":" << config::in_quotes(verdict.bad->reason)
        << '}';
  }
  out << "}\n";
}

void print_text(const std::string& path, const AuditVerdict& verdict, std::ostream& out, std::ostream& err) {
  if (!verdict.bad) {
    out << path << ": ok, " << verdict.head.count << " records, head " << verdict.head.hash << '\n';
    return;
  }
  err << path << ": record " << verdict.bad->record << " is bad (line " << verdict.bad->record << ", byte "
      << verdict.bad->offset << "): " << verdict.bad->reason << '\n'
      << "The " << verdict.head.count << " records before it are good.\n";
}

int verify(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  std::string file;
  std::string data_dir;
  std::string expect_head;
  std::uint64_t expect_count = 0;
  bool json = false;
  CommandLine line("troupe audit verify", kAbout, kExamples);
  line.positional("FILE", file, "The log, or a copy of it.", false);
  line.option("--data-dir", "DIR", data_dir, "Verify the log of a server's data directory instead of FILE.");
  line.option("--expect-count", "N", expect_count, "The log must have at least N records");
  line.option("--expect-head", "HASH", expect_head, "and the SHA-256 of record N must be HASH.");
  line.option("--json", json, "Print one JSON object.");
  if (const auto status = line.parse(arguments, out, err)) return *status;
  const auto wrong = [&err](const char* message) {
    err << "troupe audit verify: " << message << "; see troupe audit verify --help\n";
    return kWrongUsage;
  };
  if (file.empty() == data_dir.empty()) return wrong("name either a FILE or a --data-dir");
  if ((expect_count > 0) != !expect_head.empty())
    return wrong("--expect-count and --expect-head go together");
  if (!expect_head.empty() && expect_head.size() != 64) return wrong("--expect-head takes 64 hex digits");

  const std::string path = file.empty() ? data_dir + "/" + kAuditLogName : file;
  std::optional<ChainHead> anchor;
  if (expect_count > 0) anchor = ChainHead{expect_count, 0, expect_head};
  const auto verdict = verify_file(path, anchor);
  if (!verdict) {
    err << "troupe audit verify: " << verdict.error().message << '\n';
    return kWrongUsage;
  }
  if (json) {
    print_json(path, *verdict, out);
  } else {
    print_text(path, *verdict, out, err);
  }
  return verdict->bad ? kBad : 0;
}

}  // namespace

int run_audit_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  if (!arguments.empty() && arguments.front() == "verify") return verify(arguments.subspan(1), out, err);
  const bool help = !arguments.empty() && (arguments.front() == "--help" || arguments.front() == "-h");
  std::ostream& to = help ? out : err;
  to << "Usage: troupe audit verify (FILE | --data-dir DIR) [options]\n\n"
        "The audit log has one record for each request's beginning and end, chained by\n"
        "SHA-256. troupe audit verify --help says how it is checked.\n";
  return help ? 0 : kWrongUsage;
}

}  // namespace troupe::actors
