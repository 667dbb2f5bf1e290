#include "proxy/databases/lua_tokens.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace slotless::databases {

namespace {

bool isWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// "[[", "[=[" … at `at`: how long; 0: there is none.
std::size_t longBracket(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && text[end] == '=') ++end;
  return text[at] == '[' && end < text.size() && text[end] == '[' ? end + 1 - at : 0;
}

// Cuts a script into tokens. False: it is no Lua that is understood here.
class TokenReader {
 public:
  explicit TokenReader(std::string_view script) : text_(script) {}

  bool read(std::vector<LuaToken>& tokens) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '-' && text_.substr(at_).starts_with("--")) {
        if (!skipComment()) return false;
      } else if (c == '\'' || c == '"') {
        if (!takeQuoted(tokens)) return false;
      } else if (c == '[' && longBracket(text_, at_) > 0) {
        const auto contents = takeLong();
        if (!contents) return false;
        tokens.push_back({LuaKind::Text, *contents});
      } else if (isWord(c)) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && isWord(text_[at_])) ++at_;
        tokens.push_back({LuaKind::Name, text_.substr(begin, at_ - begin)});
      } else {
        if (static_cast<unsigned char>(c) > ' ') tokens.push_back({LuaKind::Other, text_.substr(at_, 1)});
        ++at_;
      }
    }
    return true;
  }

 private:
  bool skipComment() {
    at_ += 2;
    if (at_ < text_.size() && longBracket(text_, at_) > 0) return takeLong().has_value();
    at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    return true;
  }

  bool takeQuoted(std::vector<LuaToken>& tokens) {
    const std::size_t begin = at_ + 1;
    for (std::size_t i = begin; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == text_[at_]) {
        tokens.push_back({LuaKind::Text, text_.substr(begin, i - begin)});
        at_ = i + 1;
        return true;
      }
    }
    return false;
  }

  std::optional<std::string_view> takeLong() {
    const std::size_t size = longBracket(text_, at_);
    std::string close(text_.substr(at_, size));
    std::replace(close.begin(), close.end(), '[', ']');
    const std::size_t begin = at_ + size;
    const std::size_t end = text_.find(close, begin);
    if (end == std::string_view::npos) return std::nullopt;
    at_ = end + close.size();
    return text_.substr(begin, end - begin);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

constexpr std::string_view kReflection[] = {"_G", "getfenv", "setfenv", "load", "loadstring"};

}  // namespace

std::optional<std::vector<LuaToken>> luaTokensOf(std::string_view script) {
  if (script.starts_with("#!")) script.remove_prefix(std::min(script.find('\n'), script.size()));
  std::vector<LuaToken> tokens;
  if (!TokenReader(script).read(tokens)) return std::nullopt;
  return tokens;
}

bool isLuaReflection(std::string_view name) noexcept {
  return std::find(std::begin(kReflection), std::end(kReflection), name) != std::end(kReflection);
}

bool mayReflect(std::string_view script) {
  const bool isNamed =
      std::any_of(std::begin(kReflection), std::end(kReflection),
                  [&](std::string_view name) { return script.find(name) != std::string_view::npos; });
  if (!isNamed) return false;
  const auto tokens = luaTokensOf(script);
  return !tokens || std::any_of(tokens->begin(), tokens->end(), [](const LuaToken& each) {
    return each.kind == LuaKind::Name && isLuaReflection(each.text);
  });
}

}  // namespace slotless::databases
