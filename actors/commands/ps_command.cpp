// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/ps_command.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <vector>

#include "actors/commands/command_line.hpp"
#include "actors/commands/openai_client.hpp"
#include "net/http/client.hpp"
#include "net/openai/json_document.hpp"

namespace troupe::actors {
namespace {

constexpr int kFailed = 1;
constexpr std::size_t kColumns = 8;
using Row = std::array<std::string, kColumns>;
constexpr std::array<const char*, kColumns> kNames = {"actor",       "node",  "pid",      "generation",
                                                      "incarnation", "state", "restarts", "mailbox"};

constexpr const char* kAbout =
    "Lists the actors of a running server: who lives where, in which generation, and\n"
    "how often each was restarted. A generation is new whenever a part was replaced;\n"
    "an incarnation counts one part's lives. Asks the admin listener.\n";

constexpr const char* kExamples =
    "  troupe ps\n"
    "  troupe ps --admin 127.0.0.1:8081 --json\n";

std::vector<Row> rows_of(const net::JsonDocument& document) {
  Row header;
  std::copy(kNames.begin(), kNames.end(), header.begin());
  std::vector<Row> rows = {header};
  for (std::size_t i = 0; i < document.size("/actors"); ++i) {
    Row row;
    for (std::size_t column = 0; column < kColumns; ++column) {
      const std::string pointer = "/actors/" + std::to_string(i) + "/" + kNames[column];
      const auto number = document.integer(pointer);
      row[column] = number ? std::to_string(*number) : terminal_text(document.text(pointer).value_or("-"));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void print_table(const std::vector<Row>& rows, std::ostream& out) {
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < kColumns; ++i)
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
  }
}

}  // namespace

int run_ps_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  std::string admin = "127.0.0.1:8081";
  bool json = false;
  CommandLine line("troupe ps", kAbout, kExamples);
  line.option("--admin", "HOST:PORT", admin, "The server's admin listener (--admin-host, --admin-port).");
  line.option("--json", json, "Print {\"actors\":[...]} as the server says it.");
  if (const auto status = line.parse(arguments, out, err)) return *status;
  const auto endpoint = net::parse_endpoint(admin);
  if (!endpoint) {
    err << "troupe ps: --admin " << endpoint.error().message << '\n';
    return kWrongUsage;
  }
  const auto body = get({endpoint->first, endpoint->second}, "/ps");
  if (!body) {
    err << "troupe ps: " << body.error().message << '\n';
    return kFailed;
  }
  const auto document = net::JsonDocument::parse(*body);
  if (!document || !document->has("/actors")) {
    err << "troupe ps: " << admin << " is no admin listener of troupe: its answer lists no actors\n";
    return kFailed;
  }
  if (json) {
    out << *body << (body->ends_with('\n') ? "" : "\n");
  } else {
    print_table(rows_of(*document), out);
  }
  return 0;
}

}  // namespace troupe::actors
