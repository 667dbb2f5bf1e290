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
// From this size on it is not copied.
constexpr std::size_t kLargeTail = 16384;
// Room that is kept for the next request.
constexpr std::size_t kKeptBytes = 65536;
constexpr std::size_t kKeptArguments = 1024;

void appendNumberLine(std::string& out, char type, std::size_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.push_back(type);
  out.append(digits.data(), end);
  out += kLineEnd;
}

// "$<size>\r\n" as the parser takes it: without leading zeros.
std::size_t headerBytes(std::size_t size) {
  std::size_t digits = 1;
  for (; size >= 10; size /= 10) ++digits;
  return 1 + digits + kLineEnd.size();
}

// Names that a node hashes but does not call keys (SPUBLISH) belong to no database.
bool namesKeys(const CommandSpec& spec) {
  return std::none_of(spec.keySpecs.begin(), spec.keySpecs.end(), [](const protocol::KeySpec& keySpec) {
    return (keySpec.flags & protocol::kKeyNotKey) != 0;
  });
}

}  // namespace

bool KeyMapper::map(const CommandSpec& spec, Argv argv, std::string_view bytes, const Database& database) {
  if (spec.singleKey > 0 && !spec.namesKeysByPattern) {
    positions_.assign(1, static_cast<std::uint32_t>(spec.singleKey));
  } else {
    if (protocol::keyPositions(spec, argv, positions_) != protocol::KeyResult::Ok) return false;
    protocol::patternPositions(spec, argv, positions_);
    std::sort(positions_.begin(), positions_.end());
  }
  if (positions_.empty() || !namesKeys(spec)) return false;
  mapAt(positions_, argv, bytes, database);
  return true;
}

// Between two keys the request is copied as it is.
void KeyMapper::mapAt(const std::vector<std::uint32_t>& positions, Argv argv, std::string_view bytes,
                      const Database& database) {
  begin();
  argv_.assign(argv.begin(), argv.end());
  const char* next = bytes.data();
  for (const std::uint32_t position : positions) {
    const std::string_view key = argv[position];
    const char* const header = key.data() - headerBytes(key.size());
    bytes_.append(next, header);
    const std::size_t size = database.prefix.size() + key.size();
    appendNumberLine(bytes_, '$', size);
    places_.push_back({position, bytes_.size(), size});
    bytes_ += database.prefix;
    bytes_ += key;
    next = key.data() + key.size();
  }
  const std::string_view rest = bytes.substr(static_cast<std::size_t>(next - bytes.data()));
  if (rest.size() >= kLargeTail) {
    tail_ = rest;
  } else {
    bytes_ += rest;
  }
  for (const Place& place : places_)
    argv_[place.argument] = std::string_view(bytes_).substr(place.offset, place.size);
}

void KeyMapper::write(Argv argv) {
  begin();
  argv_.assign(argv.begin(), argv.end());
  appendNumberLine(bytes_, '*', argv.size());
  for (std::size_t i = 0; i < argv.size(); ++i) {
    appendNumberLine(bytes_, '$', argv[i].size());
    places_.push_back({i, bytes_.size(), argv[i].size()});
    bytes_ += argv[i];
    bytes_ += kLineEnd;
  }
  for (const Place& place : places_)
    argv_[place.argument] = std::string_view(bytes_).substr(place.offset, place.size);
}

void KeyMapper::trim() noexcept {
  if (bytes_.capacity() > kKeptBytes) bytes_ = std::string();
  if (argv_.capacity() > kKeptArguments) std::vector<std::string_view>().swap(argv_);
  if (places_.capacity() > kKeptArguments) std::vector<Place>().swap(places_);
  if (positions_.capacity() > kKeptArguments) std::vector<std::uint32_t>().swap(positions_);
}

void KeyMapper::begin() {
  if (bytes_.capacity() > kKeptBytes) bytes_ = std::string();
  bytes_.clear();
  tail_ = {};
  places_.clear();
}

void KeyMapper::trim(std::size_t bytes) {
  const std::size_t held = bytes_.capacity() + positions_.capacity() * sizeof(std::uint32_t) +
                           places_.capacity() * sizeof(Place) + argv_.capacity() * sizeof(std::string_view);
  if (held > bytes) *this = KeyMapper();
}

}  // namespace slotless::databases
