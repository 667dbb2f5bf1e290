#include "proxy/databases/key_mapper.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/key_extraction.h"

namespace slotless::databases {

using protocol::Argv;
using protocol::CommandSpec;

namespace {

constexpr std::string_view kLineEnd = "\r\n";
// Room that is kept for the next request.
constexpr std::size_t kKeptBytes = 65536;

void appendNumberLine(std::string& out, char type, std::size_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.push_back(type);
  out.append(digits.data(), end);
  out += kLineEnd;
}

// Names that a node hashes but does not call keys (SPUBLISH) belong to no database.
bool namesKeys(const CommandSpec& spec) {
  return std::none_of(spec.keySpecs.begin(), spec.keySpecs.end(), [](const protocol::KeySpec& keySpec) {
    return (keySpec.flags & protocol::kKeyNotKey) != 0;
  });
}

}  // namespace

bool KeyMapper::map(const CommandSpec& spec, Argv argv, const Database& database) {
  if (spec.singleKey > 0 && !spec.namesKeysByPattern) {
    positions_.assign(1, static_cast<std::uint32_t>(spec.singleKey));
  } else if (protocol::keyPositions(spec, argv, positions_) != protocol::KeyResult::Ok) {
    return false;
  }
  protocol::patternPositions(spec, argv, positions_);
  if (positions_.empty() || !namesKeys(spec)) return false;
  std::sort(positions_.begin(), positions_.end());
  mapAt(positions_, argv, database);
  return true;
}

void KeyMapper::mapAt(const std::vector<std::uint32_t>& positions, Argv argv, const Database& database) {
  begin(argv.size());
  auto next = positions.begin();
  for (std::size_t i = 0; i < argv.size(); ++i) {
    const bool isKey = next != positions.end() && *next == i;
    if (isKey) ++next;
    add(isKey ? std::string_view(database.prefix) : std::string_view(), argv[i]);
  }
  finish();
}

void KeyMapper::write(Argv argv) {
  begin(argv.size());
  for (const std::string_view argument : argv) add({}, argument);
  finish();
}

void KeyMapper::begin(std::size_t count) {
  if (bytes_.capacity() > kKeptBytes) bytes_ = std::string();
  bytes_.clear();
  places_.clear();
  appendNumberLine(bytes_, '*', count);
}

void KeyMapper::add(std::string_view prefix, std::string_view argument) {
  const std::size_t size = prefix.size() + argument.size();
  appendNumberLine(bytes_, '$', size);
  places_.push_back({bytes_.size(), size});
  bytes_ += prefix;
  bytes_ += argument;
  bytes_ += kLineEnd;
}

void KeyMapper::finish() {
  argv_.clear();
  for (const Place& place : places_)
    argv_.push_back(std::string_view(bytes_).substr(place.offset, place.size));
}

}  // namespace slotless::databases
