// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/utc_time.hpp"

#include <array>
#include <cstdio>

namespace troupe::actors {

std::string rfc3339(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto instant = floor<microseconds>(time);
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const hh_mm_ss clock{instant - day};
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ld.%06ldZ", int{date.year()},
                unsigned{date.month()}, unsigned{date.day()}, long{clock.hours().count()},
                long{clock.minutes().count()}, long{clock.seconds().count()},
                long{clock.subseconds().count()});
  return text.data();
}

}  // namespace troupe::actors
