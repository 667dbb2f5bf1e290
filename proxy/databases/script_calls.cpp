#include "proxy/databases/script_calls.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "protocol/ascii.h"

namespace slotless::databases {

namespace {

enum class Kind { Name, Text, Other };

struct Token {
  Kind kind;
  std::string_view text;  // of a string its contents, as they are written
};

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
class Reader {
 public:
  explicit Reader(std::string_view script) : text_(script) {}

  bool read(std::vector<Token>& tokens) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '-' && text_.substr(at_).starts_with("--")) {
        if (!skipComment()) return false;
      } else if (c == '\'' || c == '"') {
        if (!takeQuoted(tokens)) return false;
      } else if (c == '[' && longBracket(text_, at_) > 0) {
        const auto contents = takeLong();
        if (!contents) return false;
        tokens.push_back({Kind::Text, *contents});
      } else if (isWord(c)) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && isWord(text_[at_])) ++at_;
        tokens.push_back({Kind::Name, text_.substr(begin, at_ - begin)});
      } else {
        if (static_cast<unsigned char>(c) > ' ') tokens.push_back({Kind::Other, text_.substr(at_, 1)});
        ++at_;
      }
    }
    return true;
  }

 private:
  bool skipComment() {
    at_ += 2;
    if (at_ < text_.size() && longBracket(text_, at_) > 0) return takeLong().has_value();
    at_ = std::min(text_.find('\n', at_), text_.size());
    return true;
  }

  bool takeQuoted(std::vector<Token>& tokens) {
    const std::size_t begin = at_ + 1;
    for (std::size_t i = begin; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == text_[at_]) {
        tokens.push_back({Kind::Text, text_.substr(begin, i - begin)});
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

// What gives access to everything that has a name.
constexpr std::string_view kReflection[] = {"_G", "getfenv", "setfenv", "load", "loadstring"};

class Finder {
 public:
  explicit Finder(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  ScriptCalls find() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (isApi(i) && isNaming(i)) apis_.push_back(tokens_[i - 2].text);
    }
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (isApi(i)) takeUse(i);
      if (isFree(i) &&
          std::find(std::begin(kReflection), std::end(kReflection), tokens_[i].text) != std::end(kReflection))
        calls_.unclear = true;
    }
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const bool isAlias =
          isFree(i) && std::find(aliases_.begin(), aliases_.end(), tokens_[i].text) != aliases_.end();
      if (isAlias && std::find(definitions_.begin(), definitions_.end(), i) == definitions_.end())
        takeCall(i + 1);
    }
    return std::move(calls_);
  }

 private:
  bool is(std::size_t i, std::string_view text) const {
    return i < tokens_.size() && tokens_[i].kind != Kind::Text && tokens_[i].text == text;
  }
  // A name that is no field of something else.
  bool isFree(std::size_t i) const {
    return tokens_[i].kind == Kind::Name && (i == 0 || !(is(i - 1, ".") || is(i - 1, ":")));
  }
  bool isApi(std::size_t i) const {
    return isFree(i) && (is(i, "redis") || is(i, "server") || isOtherName(i));
  }
  bool isOtherName(std::size_t i) const {
    return std::find(apis_.begin(), apis_.end(), tokens_[i].text) != apis_.end();
  }
  // local lib = redis
  bool isNaming(std::size_t i) const {
    return i >= 3 && is(i - 1, "=") && tokens_[i - 2].kind == Kind::Name && is(i - 3, "local") &&
           !is(i + 1, ".") && !is(i + 1, "[") && !is(i + 1, "(") && !is(i + 1, ",");
  }

  // Servers let nobody assign to their table, or to its name.
  bool isAssigned(std::size_t i) const {
    const bool whole = is(i + 1, "=") && !is(i + 2, "=") && !(i > 0 && is(i - 1, "local"));
    const bool field = is(i + 1, ".") && is(i + 3, "=") && !is(i + 4, "=");
    // redis.x = redis
    const bool refused = i >= 4 && is(i - 1, "=") && is(i - 3, ".") && isApi(i - 4);
    const bool definition = isOtherName(i) && i > 0 && is(i - 1, "local") && is(i + 1, "=");
    return whole || field || definition || (refused && !is(i + 1, ".") && !is(i + 1, "["));
  }

  void takeUse(std::size_t i) {
    if (isAssigned(i) || isNaming(i)) return;
    if (!is(i + 1, ".")) {
      calls_.unclear = true;  // redis[...], or under another name
    } else if (is(i + 2, "call") || is(i + 2, "pcall")) {
      // local rcall = redis.call
      const bool named = i >= 3 && is(i - 1, "=") && tokens_[i - 2].kind == Kind::Name &&
                         is(i - 3, "local") && !is(i + 3, "(") && !isText(i + 3);
      if (!named) return takeCall(i + 3);
      aliases_.push_back(tokens_[i - 2].text);
      definitions_.push_back(i - 2);
      if (is(i + 3, ".") || is(i + 3, ",") || is(i + 3, "[")) calls_.unclear = true;
    }
  }

  bool isText(std::size_t i) const { return i < tokens_.size() && tokens_[i].kind == Kind::Text; }

  // The arguments begin at `i`.
  void takeCall(std::size_t i) {
    const bool inBrackets = is(i, "(");
    const std::size_t name = inBrackets ? i + 1 : i;
    const bool whole = !inBrackets || is(name + 1, ",") || is(name + 1, ")");
    if (!isText(name) || !whole || tokens_[name].text.find('\\') != std::string_view::npos) {
      calls_.unclear = true;
      return;
    }
    std::string command(tokens_[name].text);
    std::transform(command.begin(), command.end(), command.begin(), protocol::lowerAscii);
    auto& commands = calls_.commands;
    if (std::find(commands.begin(), commands.end(), command) == commands.end())
      commands.push_back(std::move(command));
  }

  std::vector<Token> tokens_;
  ScriptCalls calls_;
  std::vector<std::string_view> apis_;  // other names of it
  std::vector<std::string_view> aliases_;
  std::vector<std::size_t> definitions_;
};

}  // namespace

ScriptCalls callsOf(std::string_view script) {
  if (script.starts_with("#!")) script.remove_prefix(std::min(script.find('\n'), script.size()));
  std::vector<Token> tokens;
  if (!Reader(script).read(tokens)) return {{}, true};
  return Finder(std::move(tokens)).find();
}

}  // namespace slotless::databases
