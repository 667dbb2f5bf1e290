#include "proxy/databases/literal_keys.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/databases/lua_tokens.h"

namespace slotless::databases {

namespace {

using protocol::CommandSpec;
using protocol::Slot;

class LiteralFinder {
 public:
  LiteralFinder(std::vector<LuaToken> tokens, const protocol::CommandTable& commands)
      : tokens_(std::move(tokens)), commands_(commands) {}

  std::optional<Slot> find() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!isFree(i)) continue;
      if (isLuaReflection(tokens_[i].text)) return std::nullopt;
      if ((is(i, "redis") || is(i, "server")) && !takeUse(i)) return std::nullopt;
    }
    return slot_;
  }

 private:
  bool is(std::size_t i, std::string_view text) const {
    return i < tokens_.size() && tokens_[i].kind != LuaKind::Text && tokens_[i].text == text;
  }
  // A name that is no field of something else.
  bool isFree(std::size_t i) const {
    return tokens_[i].kind == LuaKind::Name && (i == 0 || !(is(i - 1, ".") || is(i - 1, ":")));
  }

  // False: it may use keys that are not told.
  bool takeUse(std::size_t i) {
    if (!is(i + 1, ".")) return false;  // redis[...], or under another name
    if (!is(i + 2, "call") && !is(i + 2, "pcall")) return true;
    if (!is(i + 3, "(")) return false;
    std::vector<std::string_view> words;
    return readArguments(i + 4, words) && takeCall(words);
  }

  // Of each argument what it says, if it is a plain string, or nothing. False: it is not known how many there
  // are.
  bool readArguments(std::size_t at, std::vector<std::string_view>& words) const {
    std::size_t begin = at;
    for (int depth = 0; at < tokens_.size(); ++at) {
      if (is(at, "(") || is(at, "{") || is(at, "[")) {
        ++depth;
      } else if (depth > 0 && (is(at, ")") || is(at, "}") || is(at, "]"))) {
        --depth;
      } else if (depth == 0 && (is(at, ",") || is(at, ")"))) {
        words.push_back(at == begin + 1 ? plainText(begin) : std::string_view());
        // The last one may stand for several: f(), and "...".
        if (is(at, ")")) return at > begin && !is(at - 1, ")") && !is(at - 1, ".");
        begin = at + 1;
      }
    }
    return false;
  }

  std::string_view plainText(std::size_t at) const {
    const LuaToken& token = tokens_[at];
    const bool plain = token.kind == LuaKind::Text && token.text.find('\\') == std::string_view::npos;
    return plain ? token.text : std::string_view();
  }

  bool takeCall(const std::vector<std::string_view>& words) {
    if (words.front().empty()) return false;
    const CommandSpec* spec = commands_.find(words);
    if (spec == nullptr || !spec->arityFits(words.size()) || spec->namesKeysByPattern) return false;
    if (spec->wholeDatabase != protocol::WholeDatabase::None || spec->emptiesAllDatabases) return false;
    if (spec->keyProcedure != protocol::KeyProcedure::BySpecs || spec->has(protocol::kModule)) return false;
    if (spec->singleKey > 0) return takeKey(words[static_cast<std::size_t>(spec->singleKey)]);
    if (spec->keySpecs.empty() && spec->firstKey == 0) return true;
    const auto keys = protocol::plainKeyRange(*spec, words.size());
    if (!keys) return false;
    for (std::size_t i = 0; i < keys->count; ++i) {
      if (!takeKey(words[keys->first + i * keys->step])) return false;
    }
    return true;
  }

  bool takeKey(std::string_view key) {
    if (key.empty()) return false;
    const Slot slot = protocol::slotOf(key);
    if (!slot_) slot_ = slot;
    return *slot_ == slot;
  }

  const std::vector<LuaToken> tokens_;
  const protocol::CommandTable& commands_;
  std::optional<Slot> slot_;
};

}  // namespace

std::optional<Slot> slotOfLiteralKeys(std::string_view script, const protocol::CommandTable& commands) {
  auto tokens = luaTokensOf(script);
  if (!tokens) return std::nullopt;
  return LiteralFinder(std::move(*tokens), commands).find();
}

}  // namespace slotless::databases
