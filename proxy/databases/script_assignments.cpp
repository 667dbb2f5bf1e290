#include "proxy/databases/script_assignments.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "proxy/databases/lua_tokens.h"

namespace slotless::databases {

namespace {

constexpr std::array<std::string_view, 3> kReadOnly = {"redis", "server", "_G"};
constexpr std::string_view kRefusing = "redis.";  // a table that cannot be changed

template <typename Words>
bool isAmong(std::string_view word, const Words& words) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

class AssignmentFinder {
 public:
  explicit AssignmentFinder(const std::vector<LuaToken>& tokens) : tokens_(tokens) {}

  // The names that are assigned to.
  std::vector<std::string_view> find() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      takeDeclarations(i);
      takeBracket(i);
      const bool assigned = tokens_[i].kind == LuaKind::Name && isAmong(tokens_[i].text, kReadOnly) &&
                            is(i + 1, "=") && !is(i + 2, "=");
      const bool field = i > 0 && (is(i - 1, ".") || is(i - 1, ":"));
      const bool other = (i > 0 && is(i - 1, ",")) || (!open_.empty() && open_.back() == "{");
      if (assigned && !field && !other) found_.push_back(tokens_[i].text);
    }
    std::erase_if(found_, [&](std::string_view name) { return isAmong(name, declared_); });
    return found_;
  }

 private:
  bool is(std::size_t i, std::string_view text) const {
    return i < tokens_.size() && tokens_[i].kind != LuaKind::Text && tokens_[i].text == text;
  }

  void takeDeclarations(std::size_t i) {
    std::size_t at = i + 1;
    if (is(i, "function")) {
      while (at < tokens_.size() && !is(at, "(")) ++at;
      ++at;
    } else if (!is(i, "local") && !is(i, "for")) {
      return;
    }
    for (; at < tokens_.size() && (tokens_[at].kind == LuaKind::Name || is(at, ",")); ++at) {
      declared_.push_back(tokens_[at].text);
      if (!is(at, ",") && !is(at + 1, ",")) break;
    }
  }

  // What a name stands in: the fields of a table are no variables, but a function in a table has some.
  void takeBracket(std::size_t i) {
    if (tokens_[i].kind == LuaKind::Text) return;
    static constexpr std::array<std::string_view, 5> kOpen = {"{", "function", "if", "do", "repeat"};
    static constexpr std::array<std::string_view, 3> kClose = {"}", "end", "until"};
    if (isAmong(tokens_[i].text, kOpen)) open_.push_back(tokens_[i].text);
    if (isAmong(tokens_[i].text, kClose) && !open_.empty()) open_.pop_back();
  }

  const std::vector<LuaToken>& tokens_;
  std::vector<std::string_view> open_, declared_, found_;
};

}  // namespace

std::string withRefusedAssignments(std::string_view script) {
  const bool may = std::any_of(kReadOnly.begin(), kReadOnly.end(), [&](std::string_view name) {
    for (std::size_t at = script.find(name); at != std::string_view::npos; at = script.find(name, at + 1)) {
      const std::size_t next = script.find_first_not_of(" \t\r\n", at + name.size());
      if (next != std::string_view::npos && (script[next] == '=' || script[next] == '-')) return true;
    }
    return false;
  });
  const auto tokens = may ? luaTokensOf(script) : std::nullopt;
  if (!tokens) return std::string(script);
  std::string out;
  std::size_t done = 0;
  for (const std::string_view name : AssignmentFinder(*tokens).find()) {
    const auto at = static_cast<std::size_t>(name.data() - script.data());
    out.append(script.substr(done, at - done)).append(kRefusing);
    done = at;
  }
  return out.append(script.substr(done));
}

}  // namespace slotless::databases
