#include "proxy/databases/script_flags.h"

#include <algorithm>

#include "protocol/ascii.h"

namespace slotless::databases {

namespace {

constexpr std::string_view kFlags = "flags=";
constexpr std::string_view kNoCluster = "no-cluster";
constexpr std::string_view kCrossSlot = "allow-cross-slot-keys";

std::string_view takeUpTo(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

std::string otherFlags(std::string_view flags) {
  std::string others;
  while (!flags.empty()) {
    const std::string_view flag = takeUpTo(flags, ',');
    if (flag != kNoCluster) (others += others.empty() ? "" : ",") += flag;
  }
  return others;
}

}  // namespace

std::optional<std::string> withoutClusterFlag(std::string_view script) {
  if (!script.starts_with("#!")) return std::nullopt;
  const std::size_t end = std::min(script.find('\n'), script.size());
  std::string_view line = script.substr(0, end);
  if (line.find(kNoCluster) == std::string_view::npos) return std::nullopt;
  std::string head;
  bool found = false;
  while (!line.empty()) {
    std::string_view word = takeUpTo(line, ' ');
    std::string kept(word);
    if (word.starts_with(kFlags)) {
      word.remove_prefix(kFlags.size());
      const std::string others = otherFlags(word);
      found = found || others != word;
      kept = others.empty() ? std::string() : std::string(kFlags) + others;
    }
    if (!kept.empty()) (head += head.empty() ? "" : " ") += kept;
  }
  if (!found) return std::nullopt;
  return head + std::string(script.substr(end));
}

std::string withCrossSlotFlag(std::string_view script) {
  if (!script.starts_with("#!")) return std::string(script);
  const std::size_t end = std::min(script.find('\n'), script.size());
  std::string line(script.substr(0, end));
  const std::size_t flags = line.find(kFlags);
  if (flags == std::string::npos) {
    line.append(" ").append(kFlags).append(kCrossSlot);
  } else if (line.find(kCrossSlot) == std::string::npos) {
    line.insert(flags + kFlags.size(), std::string(kCrossSlot) + ",");
  }
  return line + std::string(script.substr(end));
}

bool mayFlagNoCluster(std::string_view library) {
  const auto begin = std::search(library.begin(), library.end(), kNoCluster.begin(), kNoCluster.end(),
                                 [](char a, char b) { return protocol::lowerAscii(a) == b; });
  return begin != library.end();
}

}  // namespace slotless::databases
