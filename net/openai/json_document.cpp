// SPDX-License-Identifier: Apache-2.0
#include "net/openai/json_document.hpp"

#include "net/openai/json_body.hpp"

namespace troupe::net {
namespace {

constexpr std::uint32_t kDepth = 64;

/// The value that a pointer leads to, null when it leads nowhere.
const boost::json::value* find(const boost::json::object& object, std::string_view pointer) {
  if (!pointer.starts_with('/')) return nullptr;
  pointer.remove_prefix(1);
  const std::size_t slash = pointer.find('/');
  const boost::json::value* member = object.if_contains(pointer.substr(0, slash));
  if (member == nullptr || slash == std::string_view::npos) return member;
  boost::system::error_code error;
  return member->find_pointer(pointer.substr(slash), error);
}

}  // namespace

model::Result<JsonDocument> JsonDocument::parse(std::string_view text) {
  auto body = parse_json_body(text, kDepth);
  if (!body) return body.error();
  return JsonDocument(std::make_shared<const JsonBody>(std::move(*body)));
}

bool JsonDocument::has(std::string_view pointer) const {
  return find(body_->object(), pointer) != nullptr;
}

std::optional<std::string> JsonDocument::text(std::string_view pointer) const {
  const auto* value = find(body_->object(), pointer);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::int64_t> JsonDocument::integer(std::string_view pointer) const {
  const auto* value = find(body_->object(), pointer);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

std::size_t JsonDocument::size(std::string_view pointer) const {
  const auto* value = find(body_->object(), pointer);
  return value != nullptr && value->is_array() ? value->get_array().size() : 0;
}

}  // namespace troupe::net
