// What a check has found, for people and as JSON.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace slotless::doctor {

// A note is good to know and needs nothing to be done now.
enum class Severity : std::uint8_t { Note, Warning, Critical };

struct Finding {
  Severity severity = Severity::Note;
  std::string check;    // its name in the table, as --skip takes it
  std::string subject;  // a node, slots, a key; empty: the whole
  std::string seen;
  std::string why;   // it matters
  std::string todo;  // what to do
};

std::string_view severityName(Severity severity) noexcept;

}  // namespace slotless::doctor
