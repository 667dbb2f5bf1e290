#include "proxy/databases/key_mapper.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "protocol/key_extraction.h"

namespace slotless::databases {

using protocol::Argv;
using protocol::CommandSpec;

namespace {

constexpr std::string_view kCrLf = "\r\n";
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
  out += kCrLf;
}

// Of a length's digits, by a prefix.
constexpr std::size_t kLongestGrowth = 4;

// Writes into room that is there.
class Writer {
 public:
  explicit Writer(char* at) noexcept : at_(at) {}
  char* end() const noexcept { return at_; }
  void add(const char* from, const char* to) noexcept {
    const auto size = static_cast<std::size_t>(to - from);
    std::memcpy(at_, from, size);
    at_ += size;
  }
  // "$<size>\r\n"
  void addHeader(std::size_t size) noexcept {
    *at_++ = '$';
    if (size < 10) {
      *at_++ = static_cast<char>('0' + size);
    } else if (size < 100) {
      *at_++ = static_cast<char>('0' + size / 10);
      *at_++ = static_cast<char>('0' + size % 10);
    } else {
      at_ = std::to_chars(at_, at_ + 20, size).ptr;
    }
    *at_++ = '\r';
    *at_++ = '\n';
  }

 private:
  char* at_;
};

// "$<size>\r\n" as the parser takes it: without leading zeros.
std::size_t headerBytes(std::size_t size) {
  std::size_t digits = 1;
  for (; size >= 10; size /= 10) ++digits;
  return 1 + digits + kCrLf.size();
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

std::string_view KeyMapper::mapKey(std::string_view key, protocol::Slot slot, std::string_view bytes,
                                   const Database& database) {
  begin();
  Database::PrefixRoom room;
  const std::string_view prefix = database.prefixAt(slot, room);
  bytes_.resize(bytes.size() + prefix.size() + kLongestGrowth);
  Writer writer(bytes_.data());
  writer.add(bytes.data(), key.data() - headerBytes(key.size()));
  writer.addHeader(prefix.size() + key.size());
  writer.add(prefix.data(), prefix.data() + prefix.size());
  writer.add(key.data(), bytes.data() + bytes.size());
  bytes_.resize(static_cast<std::size_t>(writer.end() - bytes_.data()));
  return bytes_;
}

// Between two keys the request is copied as it is.
void KeyMapper::mapAt(const std::vector<std::uint32_t>& positions, Argv argv, std::string_view bytes,
                      const Database& database) {
  begin();
  argv_.assign(argv.begin(), argv.end());
  const std::string_view last = argv[positions.back()];
  const auto tail = static_cast<std::size_t>(bytes.data() + bytes.size() - (last.data() + last.size()));
  if (tail >= kLargeTail) tail_ = bytes.substr(bytes.size() - tail);
  // Each name may need a longer header, too.
  bytes_.resize(bytes.size() - tail_.size() + positions.size() * (database.prefix.size() + kLongestGrowth));
  Writer writer(bytes_.data());
  const char* next = bytes.data();
  for (const std::uint32_t position : positions) {
    const std::string_view key = argv[position];
    Database::PrefixRoom room;
    const std::string_view prefix = database.prefixOf(key, room);
    writer.add(next, key.data() - headerBytes(key.size()));
    writer.addHeader(prefix.size() + key.size());
    const char* const name = writer.end();
    writer.add(prefix.data(), prefix.data() + prefix.size());
    next = key.data() + key.size();
    writer.add(key.data(), next);
    argv_[position] = {name, prefix.size() + key.size()};
  }
  if (tail_.empty()) writer.add(next, bytes.data() + bytes.size());
  bytes_.resize(static_cast<std::size_t>(writer.end() - bytes_.data()));
}

void KeyMapper::write(Argv argv) {
  begin();
  argv_.assign(argv.begin(), argv.end());
  appendNumberLine(bytes_, '*', argv.size());
  for (std::size_t i = 0; i < argv.size(); ++i) {
    appendNumberLine(bytes_, '$', argv[i].size());
    places_.push_back({i, bytes_.size(), argv[i].size()});
    bytes_ += argv[i];
    bytes_ += kCrLf;
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
