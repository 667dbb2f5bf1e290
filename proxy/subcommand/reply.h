// A reply as a value, in RESP2 or RESP3, and what makes it of bytes.
//
// Maps and sets are arrays here (a map's keys and values in turn), attributes are skipped.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::subcommand {

struct Reply {
  enum class Kind { Status, Error, Integer, Text, Nothing, Array, Push, Lost };

  Kind kind = Kind::Nothing;
  std::string text = {};  // of a status, an error, a text, a double; of Lost: why there is no reply
  std::int64_t integer = 0;
  std::vector<Reply> items = {};

  bool isError() const noexcept { return kind == Kind::Error; }
  // The connection is of no use any more; whether the command was carried out is not known.
  bool isLost() const noexcept { return kind == Kind::Lost; }
  bool failed() const noexcept { return isError() || isLost(); }
  bool isNothing() const noexcept { return kind == Kind::Nothing; }
  bool isOk() const noexcept { return kind == Kind::Status && text == "OK"; }
  // Of an array that is as `key value key value`: nullptr if there is no such key.
  const Reply* field(std::string_view name) const noexcept;
  // An integer, or a text of digits.
  std::int64_t number() const noexcept;
};

class ReplyReader {
 public:
  void feed(std::string_view bytes) { bytes_.append(bytes); }
  // nullopt: not all of it is there, or broken().
  std::optional<Reply> next();
  bool broken() const noexcept { return broken_; }

 private:
  struct Frame {
    Reply reply;
    std::size_t missing;
    bool attribute;
  };

  bool element(Reply& out, std::size_t& children, bool& attribute);
  bool close(Reply& reply);

  std::string bytes_;
  std::size_t at_ = 0;
  std::vector<Frame> open_;
  bool broken_ = false;
};

}  // namespace slotless::subcommand
