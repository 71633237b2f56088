// SPDX-License-Identifier: Apache-2.0
#include "net/openai/json_body.hpp"

#include <array>
#include <boost/json/memory_resource.hpp>
#include <boost/json/parser.hpp>
#include <new>
#include <string>

namespace troupe::net {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxValueBytes = 64U << 20U;

/// Counts what a document allocates: "[[],[],..." needs ten times its own size.
class BoundedMemory : public json::memory_resource {
 private:
  void* do_allocate(std::size_t size, std::size_t /*alignment*/) override {
    if (size > kMaxValueBytes - used_) throw std::bad_alloc();
    void* memory = ::operator new(size);
    used_ += size;
    return memory;
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t /*alignment*/) override {
    used_ -= size;
    ::operator delete(memory);
  }
  bool do_is_equal(const json::memory_resource& other) const noexcept override { return this == &other; }

  std::size_t used_ = 0;
};

model::Error bad(std::string message) {
  return {model::ErrorCode::invalid_request, std::move(message), ""};
}

}  // namespace

model::Result<JsonBody> parse_json_body(std::string_view body, std::uint32_t depth) {
  if (body.empty()) return bad("the body is empty: send a JSON object");
  json::parse_options options;
  options.max_depth = depth;
  const auto memory = json::make_shared_resource<BoundedMemory>();
  std::array<unsigned char, 4096> scratch;
  json::parser parser(memory, options, scratch.data(), scratch.size());
  try {
    parser.reset(memory);
    boost::system::error_code error;
    const std::size_t read = parser.write(body.data(), body.size(), error);
    if (!error) {
      auto value = std::make_shared<json::value>(parser.release());
      if (!value->is_object()) return bad("the body must be a JSON object");
      return JsonBody(std::move(value));
    }
    if (error == json::error::too_deep) {
      return bad("the body nests deeper than " + std::to_string(depth) + " levels (server.json_depth)");
    }
    return bad("the body is not valid JSON: " + error.message() + " at byte " + std::to_string(read) +
               " of " + std::to_string(body.size()));
  } catch (const std::bad_alloc&) {
    return bad("the body has too many values for one request");
  }
}

}  // namespace troupe::net
