#include "proxy/credentials/command_answer.h"

#include <algorithm>
#include <charconv>

#include "protocol/lines.h"

namespace slotless::credentials {

namespace {

constexpr std::size_t kLongestPassword = 32768;
constexpr std::size_t kLongestUsername = 512;
// Ten years: what is told beyond is a mistake, such as milliseconds.
constexpr std::int64_t kMostSeconds = 10LL * 366 * 24 * 3600;

CommandAnswer wrong(std::string why) {
  return {{}, {}, {}, std::move(why)};
}

}  // namespace

CommandAnswer parseCommandAnswer(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return wrong("it printed a zero byte");
  CommandAnswer answer;
  answer.password = protocol::takeLine(text);
  if (answer.password.empty()) return wrong("the first line that it printed, the password, is empty");
  if (answer.password.size() > kLongestPassword) return wrong("the password that it printed is too long");
  for (int number = 2; !text.empty(); ++number) {
    const std::string_view line = protocol::takeLine(text);
    if (line.empty()) continue;
    const std::string where = "line " + std::to_string(number) + " that it printed ";
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, space);
    const std::string_view value = line.substr(std::min(space + 1, line.size()));
    if (word == "expires-in") {
      std::int64_t seconds = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
      const bool whole = parsed.ec == std::errc{} && parsed.ptr == value.data() + value.size();
      if (!whole || seconds < 1 || seconds > kMostSeconds) return wrong(where + "has no number of seconds");
      answer.expiresIn = std::chrono::seconds(seconds);
    } else if (word == "username") {
      const bool good = !value.empty() && value.size() <= kLongestUsername &&
                        std::none_of(value.begin(), value.end(), [](unsigned char c) { return c <= ' '; });
      if (!good) return wrong(where + "has no name of a user");
      answer.username = std::string(value);
    } else {
      return wrong(where + "is neither \"expires-in SECONDS\" nor \"username NAME\"");
    }
  }
  return answer;
}

}  // namespace slotless::credentials
