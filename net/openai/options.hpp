// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "net/openai/fields.hpp"
#include "net/openai/request.hpp"

/// Included by net/openai/*.cpp only: it names Boost.JSON.
namespace troupe::net {

/// A sampling field that is one number, with its range.
struct SamplingField {
  std::string_view name;
  Range range;
  float model::SamplingParams::*target;
};

/// All of them: temperature, top_p, min_p and the penalties.
std::span<const SamplingField> sampling_fields();

/// Reads what chat and text completions share, and refuses fields that would change the answer and are not
/// served.
RequestOptions read_options(Fields& fields, const RequestBounds& bounds);

/// Refuses misspelt names: the shared fields and `own` are known.
void refuse_misspelt_options(Fields& fields, std::initializer_list<std::string_view> own);

/// A list of messages at `name`.
std::vector<model::ChatMessage> read_messages(Fields& fields, std::string_view name);

}  // namespace troupe::net
