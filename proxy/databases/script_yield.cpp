#include "proxy/databases/script_yield.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "proxy/databases/lua_tokens.h"
#include "proxy/databases/script_guard.h"

namespace slotless::databases {

using protocol::CommandSpec;
using protocol::WholeDatabase;

namespace {

// What is known of one value.
struct Value {
  enum class Kind : std::uint8_t { Unknown, Literal, Error, Count, Names, AnyName };
  Kind kind = Kind::Unknown;
  std::string literal;  // as a client gets it, roughly: the same text is the same reply
};
using Kind = Value::Kind;

constexpr std::string_view kNil = "nil";
constexpr std::string_view kZero = "0";
constexpr std::string_view kNothing = "{}";
constexpr std::string_view kOk = "+OK";

Value literal(std::string_view text) {
  return {Kind::Literal, std::string(text)};
}

// DEL, EXISTS …: of each key by itself.
bool addsUp(const CommandSpec& spec) {
  return spec.handling == protocol::Handling::Split &&
         spec.responsePolicy == protocol::ResponsePolicy::AggSum;
}

bool isNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

class YieldReader {
 public:
  YieldReader(std::vector<LuaToken> tokens, const protocol::CommandTable& commands)
      : tokens_(std::move(tokens)), commands_(commands) {}

  WholeScript read() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (is(i, "function") || (isFree(i) && isLuaReflection(tokens_[i].text))) return {};
      if (isApi(i) && !takeUse(i)) return {};
    }
    if (!looksAround_ || !concernsEachKeyAlone()) return {};
    return {yieldOf(returned()), writes_};
  }

 private:
  std::size_t end() const noexcept { return tokens_.size(); }
  bool is(std::size_t i, std::string_view text) const {
    return i < end() && tokens_[i].kind != LuaKind::Text && tokens_[i].text == text;
  }
  bool isText(std::size_t i) const {
    return i < end() && tokens_[i].kind == LuaKind::Text &&
           tokens_[i].text.find('\\') == std::string_view::npos;
  }
  bool isAnyOf(std::size_t i, std::initializer_list<std::string_view> texts) const {
    return std::any_of(texts.begin(), texts.end(), [&](std::string_view text) { return is(i, text); });
  }
  // A name that is no field of something else.
  bool isFree(std::size_t i) const {
    const bool isField = i > 0 && (is(i - 1, ".") || is(i - 1, ":")) && !(i > 1 && is(i - 2, "."));
    return tokens_[i].kind == LuaKind::Name && !isField;
  }
  bool isApi(std::size_t i) const { return isFree(i) && (is(i, "redis") || is(i, "server")); }
  // What would make more of the value that ends in front of it.
  bool goesOn(std::size_t i) const {
    return isAnyOf(
               i, {".", ":", "[", "(", "+", "-", "*", "/", "%", "^", "<", ">", "=", "~", ",", "and", "or"}) ||
           isText(i) || is(i, "{");
  }

  // Behind the bracket that belongs to the one at `i`; end() + 1: there is none.
  std::size_t behindBracket(std::size_t i) const {
    for (int depth = 0; i < end(); ++i) {
      if (isAnyOf(i, {"(", "{", "["})) ++depth;
      if (isAnyOf(i, {")", "}", "]"}) && --depth == 0) return i + 1;
    }
    return end() + 1;
  }

  const CommandSpec* commandAt(std::size_t i) const {
    if (!isText(i)) return nullptr;
    std::string name(tokens_[i].text);
    std::transform(name.begin(), name.end(), name.begin(), protocol::lowerAscii);
    return commands_.find(name);
  }

  // False: it calls what is not told, or what several nodes must not do.
  bool takeUse(std::size_t i) {
    if (!is(i + 1, ".")) return false;  // redis[...], or under another name
    if (!is(i + 2, "call") && !is(i + 2, "pcall")) return true;
    const CommandSpec* spec = is(i + 3, "(") ? commandAt(i + 4) : nullptr;
    if (spec == nullptr || !isAnyOf(i + 5, {",", ")"})) return false;
    writes_ = writes_ || spec->has(protocol::kWrite);
    if (spec->wholeDatabase != WholeDatabase::None) {
      looksAround_ = true;
      return true;
    }
    if (refusalCodeOf(*spec).starts_with('W')) return false;
    const bool hasKeys = !spec->keySpecs.empty() || spec->firstKey > 0 || !spec->subcommands.empty();
    if (!hasKeys) return !spec->has(protocol::kWrite) && !spec->has(protocol::kPubSub);
    // One key that it knows without looking is on one node.
    const bool knownKey = i + 6 >= end() || tokens_[i + 6].kind == LuaKind::Text || is(i + 6, "ARGV");
    return !knownKey || is(i + 5, ")") || !spec->subcommands.empty();
  }

  // Nothing may depend on how many keys a master has, or on which of them come first: it would be done for
  // each master by itself. A script that is not known to be right is refused.
  bool concernsEachKeyAlone() const {
    int walks = 0;     // loops around, of which …
    int keyWalks = 0;  // … so many are over keys that were found
    std::vector<std::size_t> blocks;
    std::size_t head = end();  // of the loop whose body is about to begin
    const auto isWalk = [&](std::size_t at) { return isAnyOf(at, {"for", "while", "repeat"}); };
    for (std::size_t i = 0; i < end(); ++i) {
      if (isAnyOf(i, {"for", "while"})) head = i;
      if (isAnyOf(i, {"do", "then", "repeat"})) {
        blocks.push_back(is(i, "do") && head < end() ? std::exchange(head, end()) : i);
        walks += isWalk(blocks.back()) ? 1 : 0;
        keyWalks += isKeyWalk(blocks.back()) ? 1 : 0;
      }
      if (isAnyOf(i, {"end", "until", "elseif"})) {
        if (blocks.empty()) return false;
        walks -= isWalk(blocks.back()) ? 1 : 0;
        keyWalks -= isKeyWalk(blocks.back()) ? 1 : 0;
        blocks.pop_back();
      }
      if (walks > 0 && isAnyOf(i, {"break", "goto", "return"}) && !(keyWalks == 0 && isEndOfScan(i)))
        return false;
      if (is(i, "#") && !isRightCount(i, keyWalks > 0)) return false;
      if (isFree(i) && isAdded(i) && keyWalks == 0 && !isCount(i + 4)) return false;
      if (is(i, "insert") && keyWalks == 0) return false;
      if (isFree(i) && isApi(i) && !isRightLook(i, walks, keyWalks)) return false;
    }
    return blocks.empty();
  }

  // The head of a loop over all keys that were found, or over one page of them after the other.
  bool isKeyWalk(std::size_t i) const {
    if (!is(i, "for")) return false;
    if (is(i + 2, "=")) return is(i + 3, "1") && is(i + 4, ",") && is(i + 5, "#") && !is(i + 6, "ARGV");
    while (i < end() && !isAnyOf(i, {"in", "do"})) ++i;
    return is(i, "in") && isAnyOf(i + 1, {"ipairs", "pairs"}) && !isAnyOf(i + 3, {"ARGV", "KEYS", "{"});
  }

  // A number of keys that begins there: #keys, DBSIZE, DEL of several …
  bool isCount(std::size_t i) const {
    if (is(i, "#")) return true;
    if (i >= end() || !isApi(i) || !is(i + 3, "(")) return false;
    const CommandSpec* spec = commandAt(i + 4);
    return spec != nullptr && (spec->wholeDatabase == WholeDatabase::Count || addsUp(*spec));
  }

  // # of a list, where it is returned, added up, or the end of a walk over all of the list.
  bool isRightCount(std::size_t i, bool inKeyWalk) const {
    if (is(i + 1, "ARGV") || is(i + 1, "KEYS")) return true;
    if (i == 0) return false;
    if (is(i - 1, "return")) return true;
    if (i > 3 && is(i - 1, "+") && isAdded(i - 4)) return true;
    if (is(i - 1, "[")) return inKeyWalk && i > 1 && isBehindLast(i - 2);
    const std::size_t behind = is(i + 2, ".") ? behindBracket(i + 4) : i + 2;  // of a name, or of a call
    if (i > 4 && is(i - 5, "for") && is(i - 3, "=") && is(i - 2, "1") && is(i - 1, ","))
      return isAnyOf(behind, {"do", ","});
    if (i > 6 && is(i - 1, ",") && isNumber(tokens_[i - 2].text) && is(i - 3, "+") && is(i - 6, "min"))
      return is(behind, ")") && isPlaceInWalk(i - 4);
    return isEmptinessTest(i, behind);
  }

  // The variable at `i` counts through all of a list.
  bool isPlaceInWalk(std::size_t i) const {
    for (std::size_t at = 0; at < i; ++at) {
      if (isKeyWalk(at) && is(at + 2, "=") && is(at + 1, tokens_[i].text)) return true;
    }
    return false;
  }

  // if cursor == '0' then break
  bool isEndOfScan(std::size_t i) const {
    return i > 5 && is(i, "break") && is(i - 1, "then") && isText(i - 2) && tokens_[i - 2].text == kZero &&
           is(i - 3, "=") && is(i - 4, "=") && is(i - 6, "if");
  }

  // A master without any of the keys that the script asks for has nothing to do, and says so.
  bool isEmptinessTest(std::size_t i, std::size_t behind) const {
    if (!is(i - 1, "if")) return false;
    const bool none = is(behind, "=") && is(behind + 1, "=") && is(behind + 2, "0") && is(behind + 3, "then");
    const bool some = is(behind, ">") && is(behind + 1, "0") && is(behind + 2, "then");
    int looks = 0;
    for (std::size_t at = 0; at < end(); ++at) {
      if (isAnyOf(at, {"error", "error_reply", "err"})) return false;
      const CommandSpec* spec = isFree(at) && isApi(at) && is(at + 3, "(") ? commandAt(at + 4) : nullptr;
      if (spec == nullptr || spec->wholeDatabase == WholeDatabase::None) continue;
      if (spec->wholeDatabase != WholeDatabase::List || ++looks > 1) return false;
    }
    return none || some;
  }

  // A look at the whole database, where it stands: `walks` and `keyWalks` are around it.
  bool isRightLook(std::size_t i, int walks, int keyWalks) const {
    const CommandSpec* spec = is(i + 3, "(") ? commandAt(i + 4) : nullptr;
    if (spec == nullptr) return true;
    const bool isAddedUp = i > 3 && is(i - 1, "+") && isAdded(i - 4);
    const bool isDefinition = i > 2 && is(i - 1, "=") && is(i - 3, "local");
    const bool isReturned = i > 0 && is(i - 1, "return");
    switch (spec->wholeDatabase) {
      case WholeDatabase::Count: return isAddedUp || isReturned || (isDefinition && isOnlyReturned(i - 2));
      case WholeDatabase::Random: return !writes_;
      case WholeDatabase::Scan: return walks > 0 && keyWalks == 0;
      case WholeDatabase::List: return keyWalks == 0 && !is(behindBracket(i + 3), "[");
      case WholeDatabase::Flush: return walks == 0;
      case WholeDatabase::None: return true;
    }
    return false;
  }

  // The variable that is defined at `i` is nothing but an answer, or a part of one.
  bool isOnlyReturned(std::size_t i) const {
    for (std::size_t at = 0; at < end(); ++at) {
      if (at == i || !is(at, tokens_[i].text) || !isFree(at)) continue;
      const bool isAddedUp = at > 3 && is(at - 1, "+") && isAdded(at - 4);
      if (!isAddedUp && !is(at - 1, "return")) return false;
    }
    return true;
  }

  std::vector<Value> returned() {
    std::vector<Value> values;
    bool final = false;  // the last statement is one
    for (std::size_t i = 0; i < end(); ++i) {
      if (!is(i, "return") || !isFree(i)) continue;
      const std::size_t begin = i + 1;
      std::size_t stop = begin;
      while (stop < end() && !isAnyOf(stop, {"end", "else", "elseif", "until", ";"})) ++stop;
      final = stop == end() || (is(stop, ";") && stop + 1 == end());
      values.push_back(valueOf(begin, stop));
    }
    if (!final) values.push_back(literal(kNil));
    return values;
  }

  Value valueOf(std::size_t begin, std::size_t stop) const {
    const std::size_t size = stop - begin;
    if (size == 0) return literal(kNil);
    if (size == 1) return singleValue(begin);
    if (size == 2 && is(begin, "-") && isNumber(tokens_[begin + 1].text))
      return literal("-" + std::string(tokens_[begin + 1].text));
    if (size == 2 && is(begin, "{") && is(begin + 1, "}")) return literal(kNothing);
    if (is(begin, "#")) {
      const Value of = valueOf(begin + 1, stop);
      return of.kind == Kind::Names ? Value{Kind::Count, {}} : Value{};
    }
    if (size == 5 && is(begin, "{") && is(begin + 2, "=") && isText(begin + 3) && is(begin + 4, "}"))
      return replyTable(tokens_[begin + 1].text, tokens_[begin + 3].text);
    if (!isApi(begin)) return {};
    return apiValue(begin, stop);
  }

  static Value replyTable(std::string_view field, std::string_view text) {
    if (field == "err") return {Kind::Error, {}};
    return field == "ok" ? literal("+" + std::string(text)) : Value{};
  }

  Value singleValue(std::size_t i) const {
    const std::string_view text = tokens_[i].text;
    if (tokens_[i].kind == LuaKind::Text) return isText(i) ? literal("'" + std::string(text)) : Value{};
    if (isNumber(text)) return literal(text);
    if (text == "nil" || text == "false") return literal(kNil);
    if (text == "true") return literal("1");
    return tokens_[i].kind == LuaKind::Name ? variable(text) : Value{};
  }

  // redis.f(…), all of it.
  Value apiValue(std::size_t begin, std::size_t stop) const {
    if (!is(begin + 3, "(") || behindBracket(begin + 3) != stop) return {};
    if (is(begin + 2, "error_reply")) return {Kind::Error, {}};
    if (is(begin + 2, "status_reply"))
      return isText(begin + 4) && begin + 6 == stop ? literal("+" + std::string(tokens_[begin + 4].text))
                                                    : Value{};
    if (!is(begin + 2, "call") && !is(begin + 2, "pcall")) return {};
    const CommandSpec* spec = commandAt(begin + 4);
    if (spec != nullptr && addsUp(*spec)) return {Kind::Count, {}};
    switch (spec == nullptr ? WholeDatabase::None : spec->wholeDatabase) {
      case WholeDatabase::Count: return {Kind::Count, {}};
      case WholeDatabase::List: return {Kind::Names, {}};
      case WholeDatabase::Random: return {Kind::AnyName, {}};
      case WholeDatabase::Flush: return literal(kOk);
      case WholeDatabase::Scan:
      case WholeDatabase::None: break;
    }
    return {};
  }

  // What all uses of a variable together make of it.
  Value variable(std::string_view name) const {
    std::optional<Value> defined;
    for (std::size_t i = 0; i < end(); ++i) {
      if (!is(i, name) || !isFree(i)) continue;
      if (i > 0 && is(i - 1, "local") && is(i + 1, "=") && !is(i + 2, "=")) {
        if (defined) return {};
        defined = definition(i + 2);
        if (defined->kind == Kind::Unknown) return {};
      } else if (!defined || !isHarmless(i, *defined)) {
        return {};
      } else if (isAdded(i)) {
        i += 2;  // the same name again
      }
    }
    if (!defined) return {};
    if (defined->kind == Kind::Literal) defined->kind = defined->literal == kZero ? Kind::Count : Kind::Names;
    return *defined;
  }

  // Literal: 0 or {}, which grow by what is added.
  Value definition(std::size_t i) const {
    std::size_t behind = i;
    if (is(i, "0")) {
      behind = i + 1;
    } else if (is(i, "{") && is(i + 1, "}")) {
      behind = i + 2;
    } else if (i < end() && isApi(i) && is(i + 3, "(")) {
      behind = behindBracket(i + 3);
    }
    if (behind == i || behind > end() || goesOn(behind)) return {};
    return valueOf(i, behind);
  }

  bool isHarmless(std::size_t i, const Value& value) const {
    if (i > 0 && is(i - 1, "return")) return true;  // which is looked at by itself
    if (value.kind == Kind::Literal && value.literal == kZero) return isAdded(i);
    if (value.kind == Kind::Count || value.kind == Kind::AnyName) return false;
    if (value.kind == Kind::Literal && value.literal != kNothing) return false;
    if (i > 0 && is(i - 1, "#")) return true;
    const bool grows = value.kind == Kind::Literal;
    if (is(i + 1, "[")) {
      const std::size_t behind = behindBracket(i + 1);
      const bool assigned = is(behind, "=") && !is(behind + 1, "=");
      return behind <= end() && (!assigned || (grows && isBehindLast(i)));
    }
    if (i < 2 || !is(i - 1, "(")) return false;
    if (isAnyOf(i - 2, {"ipairs", "pairs", "unpack", "next"})) return true;
    return grows && isInserted(i);
  }

  // n = n + …
  bool isAdded(std::size_t i) const { return is(i + 1, "=") && is(i + 2, tokens_[i].text) && is(i + 3, "+"); }
  // list[#list + 1] = …
  bool isBehindLast(std::size_t i) const {
    return is(i + 2, "#") && is(i + 3, tokens_[i].text) && is(i + 4, "+") && is(i + 5, "1") && is(i + 6, "]");
  }
  // table.insert(list, …), with nothing between
  bool isInserted(std::size_t i) const {
    if (i < 4 || !is(i - 2, "insert") || !is(i - 3, ".") || !is(i - 4, "table")) return false;
    int commas = 0;
    int depth = 0;
    for (std::size_t at = i; at < end(); ++at) {
      if (isAnyOf(at, {"(", "{", "["})) ++depth;
      if (isAnyOf(at, {")", "}", "]"}) && depth-- == 0) return commas == 1;
      if (is(at, ",") && depth == 0) ++commas;
    }
    return false;
  }

  static ScriptYield yieldOf(const std::vector<Value>& values) {
    std::set<std::string, std::less<>> literals;
    std::set<Kind> kinds;
    for (const Value& value : values) {
      if (value.kind == Kind::Error) continue;  // it decides, whichever master says so
      if (value.kind == Kind::Literal) {
        literals.insert(value.literal);
      } else {
        kinds.insert(value.kind);
      }
    }
    if (kinds.size() > 1 || literals.size() > 1) return ScriptYield::Untold;
    if (kinds.empty()) return ScriptYield::Same;
    const auto besides = [&](std::string_view neutral) {
      return literals.empty() || literals.contains(neutral);
    };
    switch (*kinds.begin()) {
      case Kind::Count: return besides(kZero) ? ScriptYield::Count : ScriptYield::Untold;
      case Kind::Names: return besides(kNothing) ? ScriptYield::Names : ScriptYield::Untold;
      case Kind::AnyName: return besides(kNil) ? ScriptYield::AnyName : ScriptYield::Untold;
      default: return ScriptYield::Untold;
    }
  }

  const std::vector<LuaToken> tokens_;
  const protocol::CommandTable& commands_;
  bool looksAround_ = false;
  bool writes_ = false;
};

}  // namespace

WholeScript wholeScriptOf(std::string_view script, const protocol::CommandTable& commands) {
  auto tokens = luaTokensOf(script);
  if (!tokens) return {};
  return YieldReader(std::move(*tokens), commands).read();
}

}  // namespace slotless::databases
