#include "proxy/pubsub/monitor_text.h"

#include <sys/time.h>

#include <algorithm>
#include <iterator>

#include "protocol/secrets.h"

namespace slotless::pubsub {

namespace {

struct Escape {
  char byte;
  std::string_view text;
};
constexpr Escape kEscapes[] = {{'\\', "\\\\"}, {'"', "\\\""}, {'\n', "\\n"}, {'\r', "\\r"},
                               {'\t', "\\t"},  {'\a', "\\a"}, {'\b', "\\b"}};

bool isPlain(char c) noexcept {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

void appendEscaped(std::string& out, char c) {
  const auto* escape = std::find_if(std::begin(kEscapes), std::end(kEscapes),
                                    [c](const Escape& each) { return each.byte == c; });
  if (escape != std::end(kEscapes)) {
    out += escape->text;
    return;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\x";
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 15U];
}

void appendQuoted(std::string& out, std::string_view argument) {
  out += '"';
  while (!argument.empty()) {
    const auto* const end = std::find_if_not(argument.begin(), argument.end(), isPlain);
    const auto plain = static_cast<std::size_t>(end - argument.begin());
    out += argument.substr(0, plain);
    argument.remove_prefix(plain);
    if (argument.empty()) break;
    appendEscaped(out, argument.front());
    argument.remove_prefix(1);
  }
  out += '"';
}

}  // namespace

std::string monitoredArguments(protocol::Argv argv) {
  const protocol::Secrets secrets(argv);
  std::string out;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    out += ' ';
    appendQuoted(out, secrets.includes(i) ? protocol::kRedacted : argv[i]);
  }
  return out;
}

std::string quotedText(std::string_view text) {
  std::string out;
  appendQuoted(out, text);
  return out;
}

std::string monitoredCommand(std::uint32_t database, std::string_view address, std::string_view arguments) {
  std::string out = std::to_string(database);
  out += ' ';
  out += address;
  out += ']';
  out += arguments;
  return out;
}

void appendMonitorLine(std::string& out, std::string_view command) {
  timeval now{};
  gettimeofday(&now, nullptr);
  const std::string micros = std::to_string(now.tv_usec);
  out += '+';
  out += std::to_string(now.tv_sec);
  out += '.';
  out.append(6 - micros.size(), '0');
  out += micros;
  out += " [";
  out += command;
  out += "\r\n";
}

}  // namespace slotless::pubsub
