#include "proxy/databases/script_calls.h"

#include <algorithm>
#include <utility>

#include "protocol/ascii.h"
#include "proxy/databases/lua_tokens.h"

namespace slotless::databases {

namespace {

class CallFinder {
 public:
  explicit CallFinder(std::vector<LuaToken> tokens) : tokens_(std::move(tokens)) {}

  ScriptCalls find() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (isApi(i) && isNaming(i)) apis_.push_back(tokens_[i - 2].text);
    }
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (isApi(i)) takeUse(i);
      if (isFree(i) && isLuaReflection(tokens_[i].text)) calls_.unclear = true;
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
    return i < tokens_.size() && tokens_[i].kind != LuaKind::Text && tokens_[i].text == text;
  }
  // A name that is no field of something else.
  bool isFree(std::size_t i) const {
    return tokens_[i].kind == LuaKind::Name && (i == 0 || !(is(i - 1, ".") || is(i - 1, ":")));
  }
  bool isApi(std::size_t i) const {
    return isFree(i) && (is(i, "redis") || is(i, "server") || isOtherName(i));
  }
  bool isOtherName(std::size_t i) const {
    return std::find(apis_.begin(), apis_.end(), tokens_[i].text) != apis_.end();
  }
  // local lib = redis
  bool isNaming(std::size_t i) const {
    return i >= 3 && is(i - 1, "=") && tokens_[i - 2].kind == LuaKind::Name && is(i - 3, "local") &&
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
      const bool named = i >= 3 && is(i - 1, "=") && tokens_[i - 2].kind == LuaKind::Name &&
                         is(i - 3, "local") && !is(i + 3, "(") && !isText(i + 3);
      if (!named) return takeCall(i + 3);
      aliases_.push_back(tokens_[i - 2].text);
      definitions_.push_back(i - 2);
      if (is(i + 3, ".") || is(i + 3, ",") || is(i + 3, "[")) calls_.unclear = true;
    }
  }

  bool isText(std::size_t i) const { return i < tokens_.size() && tokens_[i].kind == LuaKind::Text; }

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

  std::vector<LuaToken> tokens_;
  ScriptCalls calls_;
  std::vector<std::string_view> apis_;  // other names of it
  std::vector<std::string_view> aliases_;
  std::vector<std::size_t> definitions_;
};

}  // namespace

ScriptCalls callsOf(std::string_view script) {
  auto tokens = luaTokensOf(script);
  if (!tokens) return {{}, true};
  return CallFinder(std::move(*tokens)).find();
}

}  // namespace slotless::databases
