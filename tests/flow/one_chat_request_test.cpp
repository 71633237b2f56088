// SPDX-License-Identifier: Apache-2.0
// The messages of one request are those drawn in ARCHITECTURE.md: the test reads the drawing.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/flow/replica.hpp"

namespace troupe::flow {
namespace {

using namespace actors;

template <class T>
void name_if(const caf::message& message, const char* name, std::string& out) {
  if (message.match_elements<T>()) out = name;
}

std::string name_of(const caf::message& m) {
  std::string name = "?";
  name_if<Submit>(m, "Submit", name);
  name_if<OpenSetPart>(m, "OpenSetPart", name);
  name_if<OpenSetCredit>(m, "OpenSetCredit", name);
  name_if<CancelSequence>(m, "CancelSequence", name);
  name_if<Refused>(m, "Refused", name);
  name_if<Serving>(m, "Serving", name);
  name_if<ReserveBlocks>(m, "ReserveBlocks", name);
  name_if<BlockLease>(m, "BlockLease", name);
  name_if<ExtendLeases>(m, "ExtendLeases", name);
  name_if<LeaseExtensions>(m, "LeaseExtensions", name);
  name_if<ReleaseBlocks>(m, "ReleaseBlocks", name);
  name_if<BlocksReleased>(m, "BlocksReleased", name);
  name_if<KvReady>(m, "KvReady", name);
  name_if<Fenced>(m, "Fenced", name);
  name_if<model::StepPlan>(m, "StepPlan", name);
  name_if<model::StepResult>(m, "StepResult", name);
  name_if<Activations>(m, "Activations", name);
  name_if<TokenFeed>(m, "TokenFeed", name);
  name_if<TokenBatch>(m, "TokenBatch", name);
  name_if<RequestOpened>(m, "RequestOpened", name);
  name_if<RequestClosed>(m, "RequestClosed", name);
  name_if<AuditAck>(m, "AuditAck", name);
  return name;
}

/// The lines "from => to Message ..." between "```messages" and "```".
std::vector<std::string> drawn() {
  std::ifstream file("ARCHITECTURE.md");
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```messages") inside = true;
    if (line == "```") inside = false;
    std::istringstream words(line);
    std::string from;
    std::string arrow;
    std::string to;
    std::string name;
    if (inside && words >> from >> arrow >> to >> name && arrow == "=>")
      lines.push_back(from + ">" + to + " " + name);
  }
  return lines;
}

TEST(OneChatRequest, SendsTheMessagesThatAreDrawn) {
  std::vector<std::string> seen;
  ReplicaOptions options;
  options.stages = 2;
  options.in_order = true;
  options.tap = [&](const std::string& link, const caf::message& message) {
    std::string name = link + " " + name_of(message);
    for (std::size_t at = name.find("ingress/0"); at != std::string::npos; at = name.find("ingress/0")) {
      name.replace(at, 9, "ingress");
    }
    seen.push_back(std::move(name));
  };
  Replica replica(options);
  replica.settle(std::chrono::milliseconds(100));
  ASSERT_TRUE(replica.ready());
  seen.clear();
  const auto client = replica.open({1, 2, 3}, 2);
  ASSERT_TRUE(replica.run_until_done());
  replica.settle(std::chrono::milliseconds(200));
  EXPECT_EQ(client->choices.at(0).tokens.size(), 2U);

  const auto lines = drawn();
  ASSERT_FALSE(lines.empty()) << "ARCHITECTURE.md has no ```messages block";
  std::ostringstream list;
  for (const auto& line : seen) list << line << "\n";
  EXPECT_EQ(seen, lines) << "what was sent:\n" << list.str();
}

TEST(OneChatRequest, NeedsTheSameMessagesHoweverManySequencesAreInTheStep) {
  // Messages of a step do not grow with the batch: S plans, S - 1 activations, one result, one feed, one
  // token batch.
  for (const std::uint32_t streams : {1U, 8U}) {
    std::map<std::string, std::uint32_t> counts;
    std::set<std::uint64_t> steps;
    ReplicaOptions options;
    options.stages = 2;
    options.in_order = true;
    options.tap = [&](const std::string&, const caf::message& message) { ++counts[name_of(message)]; };
    options.step_hook = [&](const model::StepPlan& plan, std::uint32_t) { steps.insert(plan.step); };
    Replica replica(options);
    replica.settle(std::chrono::milliseconds(100));
    counts.clear();
    for (std::uint32_t i = 0; i < streams; ++i) replica.open({1, 2, static_cast<model::Token>(i)}, 20);
    ASSERT_TRUE(replica.run_until_done());
    const auto taken = static_cast<std::uint32_t>(steps.size());
    EXPECT_EQ(counts["StepPlan"], 2 * taken);
    EXPECT_EQ(counts["Activations"], taken);
    EXPECT_EQ(counts["StepResult"], taken);
    EXPECT_LE(counts["TokenBatch"], taken);
    EXPECT_EQ(counts["TokenFeed"], taken);
  }
}

}  // namespace
}  // namespace troupe::flow
