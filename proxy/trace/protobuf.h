// The wire format of Protocol Buffers, as far as a few messages need it: writes fields, and reads them one by
// one.
//
// libprotobuf and its generated code would be megabytes, a compiler for the build and two versions to follow
// (Debian 12 and 13), for a dozen messages of varints and texts. Source:
// https://protobuf.dev/programming-guides/encoding/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotless::trace {

enum class WireType : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

void appendVarint(std::string& out, std::uint64_t value);

class ProtobufWriter {
 public:
  // Appends to it.
  explicit ProtobufWriter(std::string& out) noexcept : out_(out) {}

  // Written even if it is the default, 0 or nothing.
  void varint(std::uint32_t field, std::uint64_t value);
  void fixed64(std::uint32_t field, std::uint64_t value);
  void fixed32(std::uint32_t field, std::uint32_t value);
  void bytes(std::uint32_t field, std::string_view value);
  // What `body` writes in between is a message of its own.
  template <typename Body>
  void message(std::uint32_t field, const Body& body) {
    tag(field, WireType::Bytes);
    const std::size_t begin = out_.size();
    body(*this);
    insertLength(begin);
  }

 private:
  void tag(std::uint32_t field, WireType type);
  void littleEndian(std::uint64_t value, std::size_t bytes);
  void insertLength(std::size_t begin);

  std::string& out_;
};

struct ProtobufField {
  std::uint32_t number = 0;
  WireType type = WireType::Varint;
  std::uint64_t value = 0;  // of all but Bytes
  std::string_view bytes;   // of Bytes
};

// Takes one field off the front. nullopt: there is none, or what comes is malformed (then `bytes` is not
// empty).
std::optional<ProtobufField> takeField(std::string_view& bytes);

}  // namespace slotless::trace
