// Seeded random RESP: valid replies and requests to scan, and mutations that make them doubtful.
#pragma once
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::test {

// std::mt19937_64 gives the same numbers everywhere; the library's distributions do not, so they are not
// used.
class RandomResp {
 public:
  explicit RandomResp(std::uint64_t seed) : engine_(seed) {}

  // 0 .. bound - 1
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  bool oneIn(std::size_t n) { return below(n) == 0; }

  std::string bytes(std::size_t longest) {
    std::string out(below(longest + 1), '\0');
    // CR, LF and type bytes more often than chance would have them.
    static constexpr std::string_view kTroublesome = "\r\n\r\n$*:+-0123";
    for (char& c : out) {
      c = oneIn(3) ? kTroublesome[below(kTroublesome.size())]
                   : static_cast<char>(static_cast<unsigned char>(below(256)));
    }
    return out;
  }

  std::string text(std::size_t longest) {
    std::string out(below(longest + 1), '\0');
    for (char& c : out) c = static_cast<char>(static_cast<unsigned char>(' ' + below(95)));
    return out;
  }

  std::string resp2Reply(std::size_t depth) { return reply("+-:$*", depth); }
  // The types that hiredis 1.x knows: neither attributes nor bulk errors.
  std::string hiredisReply(std::size_t depth) { return reply("+-:$*_#,(=%~>", depth); }
  std::string resp3Reply(std::size_t depth) { return reply("+-:$*_#,(=!%~>|", depth); }

  std::vector<std::string> command(std::size_t mostArguments, std::size_t longestArgument) {
    std::vector<std::string> argv(1 + below(mostArguments));
    for (std::string& argument : argv) argument = bytes(longestArgument);
    return argv;
  }

  // A few random edits: a byte changed, taken out, doubled or put in, a stretch cut off.
  std::string mutated(std::string in) {
    for (std::size_t edits = 1 + below(3); edits > 0 && !in.empty(); --edits) {
      const std::size_t at = below(in.size());
      switch (below(5)) {
        case 0: in[at] = bytes(1).append(1, '9').front(); break;
        case 1: in.erase(at, 1); break;
        case 2: in.insert(at, 1, in[at]); break;
        case 3: in.insert(at, bytes(4)); break;
        default: in.resize(at);
      }
    }
    return in;
  }

 private:
  std::string number() {
    switch (below(5)) {
      case 0: return std::to_string(static_cast<std::int64_t>(engine_()));
      case 1: return "-" + std::to_string(1 + below(1000));
      default: return std::to_string(below(100000));
    }
  }

  std::string counted(char type, const std::string& payload) {
    return type + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
  }

  std::string reply(std::string_view types, std::size_t depth) {
    char type = types[below(types.size())];
    if (depth == 0 && std::string_view("*%~>|").find(type) != std::string_view::npos) type = '$';
    switch (type) {
      case '+':
      case '-': return type + (oneIn(3) ? "OK" : text(40)) + "\r\n";
      case ':': return ":" + number() + "\r\n";
      case '_': return "_\r\n";
      case '#': return oneIn(2) ? "#t\r\n" : "#f\r\n";
      case ',':
        return "," +
               std::array<std::string, 4>{"1.5", "-2e10", "inf", std::to_string(below(1000))}[below(4)] +
               "\r\n";
      case '(': return "(" + number() + number().substr(1) + "0\r\n";
      case '=': return counted(type, (oneIn(2) ? "txt:" : "mkd:") + bytes(20));
      case '$': return oneIn(5) ? "$-1\r\n" : counted(type, bytes(40));
      case '!': return counted(type, bytes(40));
      default: return aggregate(type, types, depth);
    }
  }

  std::string aggregate(char type, std::string_view types, std::size_t depth) {
    if (type == '*' && oneIn(6)) return "*-1\r\n";
    const std::size_t count = below(4);
    std::string out = type + std::to_string(count) + "\r\n";
    const std::size_t elements = type == '%' || type == '|' ? 2 * count : count;
    for (std::size_t i = 0; i < elements; ++i) out += reply(types, depth - 1);
    if (type == '|') out += reply(types, depth - 1);
    return out;
  }

  std::mt19937_64 engine_;
};

}  // namespace slotless::test
