// Protocol Buffers read by other means than what writes them: a message as its fields, by number, in their
// order.
#pragma once
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace slotless::trace {

class Decoded {
 public:
  struct Value {
    int type;
    std::uint64_t number;  // of all but texts
    std::string text;
  };

  // Throws std::runtime_error.
  explicit Decoded(const std::string& bytes) : bytes_(bytes) {
    while (at_ < bytes_.size()) {
      const std::uint64_t key = varint();
      Value value{static_cast<int>(key % 8), 0, {}};
      if (value.type == 0) {
        value.number = varint();
      } else if (value.type == 1) {
        value.number = fixed(8);
      } else if (value.type == 5) {
        value.number = fixed(4);
      } else if (value.type == 2) {
        const std::uint64_t length = varint();
        if (length > bytes_.size() - at_) throw std::runtime_error("a text is too short");
        value.text = bytes_.substr(at_, length);
        at_ += length;
      } else {
        throw std::runtime_error("no such type");
      }
      fields_[key / 8].push_back(value);
    }
  }

  const std::vector<Value>& all(std::uint64_t field) const {
    static const std::vector<Value> nothing;
    const auto found = fields_.find(field);
    return found == fields_.end() ? nothing : found->second;
  }
  bool has(std::uint64_t field) const { return !all(field).empty(); }
  // The only one.
  const Value& one(std::uint64_t field) const {
    if (all(field).size() != 1) throw std::runtime_error("not one of field " + std::to_string(field));
    return all(field).front();
  }
  Decoded message(std::uint64_t field) const { return Decoded(one(field).text); }

  // Of a message with KeyValues in that field: numbers as texts.
  std::map<std::string, std::string> attributes(std::uint64_t field) const {
    std::map<std::string, std::string> found;
    for (const Value& each : all(field)) {
      const Decoded pair(each.text);
      const Decoded value = pair.message(2);
      const std::string key = pair.one(1).text;
      if (!found.emplace(key, value.has(1) ? value.one(1).text : std::to_string(value.one(3).number)).second)
        throw std::runtime_error(key + " is there twice");
    }
    return found;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const std::uint64_t byte = fixed(1);
      value += (byte & 127U) << shift;
      if (byte < 128) return value;
    }
  }
  std::uint64_t fixed(unsigned count) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (at_ >= bytes_.size()) throw std::runtime_error("it ends too early");
      value += static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_++])) << (8 * i);
    }
    return value;
  }

  const std::string bytes_;
  std::size_t at_ = 0;
  std::map<std::uint64_t, std::vector<Value>> fields_;
};

}  // namespace slotless::trace
