#include "proxy/trace/protobuf.h"

namespace slotless::trace {

namespace {

constexpr unsigned kTypeBits = 3;
constexpr unsigned kGroupBits = 7;
constexpr std::uint64_t kGroup = 0x7f;
constexpr unsigned char kMore = 0x80;

std::optional<std::uint64_t> takeVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i * kGroupBits < 64; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    value |= (byte & kGroup) << (i * kGroupBits);
    if ((byte & kMore) != 0) continue;
    bytes.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> takeLittleEndian(std::string_view& bytes, std::size_t count) {
  if (bytes.size() < count) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(count);
  return value;
}

// False: it is malformed.
bool takeValue(std::string_view& bytes, ProtobufField& field) {
  if (field.type == WireType::Bytes) {
    const auto length = takeVarint(bytes);
    if (!length || *length > bytes.size()) return false;
    field.bytes = bytes.substr(0, static_cast<std::size_t>(*length));
    bytes.remove_prefix(field.bytes.size());
    return true;
  }
  std::optional<std::uint64_t> value;
  if (field.type == WireType::Varint) value = takeVarint(bytes);
  if (field.type == WireType::Fixed64) value = takeLittleEndian(bytes, sizeof(std::uint64_t));
  if (field.type == WireType::Fixed32) value = takeLittleEndian(bytes, sizeof(std::uint32_t));
  field.value = value.value_or(0);
  return value.has_value();
}

}  // namespace

void appendVarint(std::string& out, std::uint64_t value) {
  for (; value > kGroup; value >>= kGroupBits) out += static_cast<char>((value & kGroup) | kMore);
  out += static_cast<char>(value);
}

void ProtobufWriter::tag(std::uint32_t field, WireType type) {
  appendVarint(out_, (std::uint64_t{field} << kTypeBits) | static_cast<std::uint64_t>(type));
}

void ProtobufWriter::varint(std::uint32_t field, std::uint64_t value) {
  tag(field, WireType::Varint);
  appendVarint(out_, value);
}

void ProtobufWriter::fixed64(std::uint32_t field, std::uint64_t value) {
  tag(field, WireType::Fixed64);
  littleEndian(value, sizeof(value));
}

void ProtobufWriter::fixed32(std::uint32_t field, std::uint32_t value) {
  tag(field, WireType::Fixed32);
  littleEndian(value, sizeof(value));
}

void ProtobufWriter::bytes(std::uint32_t field, std::string_view value) {
  tag(field, WireType::Bytes);
  appendVarint(out_, value.size());
  out_ += value;
}

void ProtobufWriter::littleEndian(std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i, value >>= 8U) out_ += static_cast<char>(value & 0xffU);
}

void ProtobufWriter::insertLength(std::size_t begin) {
  std::string length;
  appendVarint(length, out_.size() - begin);
  out_.insert(begin, length);
}

std::optional<ProtobufField> takeField(std::string_view& bytes) {
  std::string_view rest = bytes;
  const auto tag = takeVarint(rest);
  if (!tag) return std::nullopt;
  ProtobufField field;
  field.number = static_cast<std::uint32_t>(*tag >> kTypeBits);
  field.type = static_cast<WireType>(*tag & ((1U << kTypeBits) - 1));
  if (field.number == 0 || (*tag >> kTypeBits) > UINT32_MAX || !takeValue(rest, field)) return std::nullopt;
  bytes = rest;
  return field;
}

}  // namespace slotless::trace
