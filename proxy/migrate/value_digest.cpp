#include "proxy/migrate/value_digest.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace slotless::migrate {

using subcommand::Reply;

namespace {

constexpr std::size_t kPage = 500;
constexpr std::size_t kPieceBytes = 256 * 1024;

// Lengths are in it: "ab","c" is another element than "a","bc".
ValueDigest::Number hashOf(const std::vector<std::string_view>& parts) {
  std::string bytes;
  for (const std::string_view part : parts)
    bytes.append(std::to_string(part.size())).append(":").append(part);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash.data());
  ValueDigest::Number number{};
  std::memcpy(number.data(), hash.data(), sizeof(number));
  return number;
}

std::string textOf(const Reply* reply) {
  if (reply == nullptr) return {};
  return reply->kind == Reply::Kind::Integer ? std::to_string(reply->integer) : reply->text;
}

class Digester {
 public:
  Digester(const std::string& name, const Ask& ask) : name_(name), ask_(ask) {}

  DigestResult digest(std::string_view type) {
    struct Type {
      std::string_view name;
      bool (Digester::*read)();
    };
    static constexpr std::array<Type, 6> kTypes{{{"string", &Digester::readString},
                                                 {"list", &Digester::readList},
                                                 {"hash", &Digester::readHash},
                                                 {"set", &Digester::readSet},
                                                 {"zset", &Digester::readSortedSet},
                                                 {"stream", &Digester::readStream}}};
    const auto* const found =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& each) { return each.name == type; });
    if (found == kTypes.end()) {
      result_.error = "type " + std::string(type);
    } else if ((this->*found->read)()) {
      result_.number = digest_.number();
      result_.groups = groups_.number();
    }
    return std::move(result_);
  }

 private:
  bool ask(std::vector<std::string> words, Reply& reply) {
    auto answer = ask_(std::move(words));
    result_.stopped = !answer;
    if (!answer) return false;
    reply = *std::move(answer);
    if (reply.isError()) result_.error = reply.text;
    return !reply.isError();
  }

  bool readString() {
    for (std::size_t at = 0;; at += kPieceBytes) {
      Reply part;
      if (!ask({"GETRANGE", name_, std::to_string(at), std::to_string(at + kPieceBytes - 1)}, part))
        return false;
      digest_.addNext({part.text});
      if (part.text.size() < kPieceBytes) return true;
    }
  }

  bool readList() {
    for (std::size_t at = 0;; at += kPage) {
      Reply part;
      if (!ask({"LRANGE", name_, std::to_string(at), std::to_string(at + kPage - 1)}, part)) return false;
      for (const Reply& each : part.items) digest_.addNext({each.text});
      if (part.items.size() < kPage) return true;
    }
  }

  using Spelling = std::string (*)(std::string_view);
  static std::string asIs(std::string_view text) { return std::string(text); }
  // A score is written with more or fewer digits depending on how its set is stored.
  static std::string asNumber(std::string_view text) {
    double score = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), score);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::string(text);
    score += 0.0;  // no -0
    std::array<char, 32> shortest{};
    const auto end = std::to_chars(shortest.data(), shortest.data() + shortest.size(), score).ptr;
    return {shortest.data(), end};
  }

  bool readPages(std::string_view scan, std::size_t perElement, Spelling ofSecond = asIs) {
    std::string cursor = "0";
    do {
      Reply page;
      if (!ask({std::string(scan), name_, cursor, "COUNT", std::to_string(kPage)}, page)) return false;
      if (page.items.size() != 2) return false;
      cursor = page.items[0].text;
      const std::vector<Reply>& found = page.items[1].items;
      for (std::size_t i = 0; i + perElement <= found.size(); i += perElement) {
        if (perElement == 1)
          digest_.add({found[i].text});
        else
          digest_.add({found[i].text, ofSecond(found[i + 1].text)});
      }
    } while (cursor != "0");
    return true;
  }
  bool readHash() { return readPages("HSCAN", 2); }
  bool readSet() { return readPages("SSCAN", 1); }
  bool readSortedSet() { return readPages("ZSCAN", 2, asNumber); }

  bool readStream() {
    std::string from = "-";
    for (;;) {
      Reply part;
      if (!ask({"XRANGE", name_, from, "+", "COUNT", std::to_string(kPage)}, part)) return false;
      for (const Reply& entry : part.items) {
        if (entry.items.size() != 2) continue;
        std::vector<std::string_view> parts{entry.items[0].text};
        for (const Reply& each : entry.items[1].items) parts.push_back(each.text);
        digest_.addNext(parts);
        from = "(" + entry.items[0].text;
      }
      if (part.items.size() < kPage) break;
    }
    Reply info;
    if (!ask({"XINFO", "STREAM", name_}, info)) return false;
    digest_.addNext({textOf(info.field("last-generated-id"))});
    Reply groups;
    if (!ask({"XINFO", "GROUPS", name_}, groups)) return false;
    for (const Reply& group : groups.items) {
      const std::string name = textOf(group.field("name"));
      groups_.add({"group", name, textOf(group.field("last-delivered-id"))});
      if (!readConsumers(name) || !readPending(name)) return false;
    }
    return true;
  }

  // Also those that have nothing pending.
  bool readConsumers(const std::string& group) {
    Reply consumers;
    if (!ask({"XINFO", "CONSUMERS", name_, group}, consumers)) return false;
    for (const Reply& each : consumers.items) groups_.add({"consumer", group, textOf(each.field("name"))});
    return true;
  }

  bool readPending(const std::string& group) {
    std::string from = "-";
    for (;;) {
      Reply part;
      if (!ask({"XPENDING", name_, group, from, "+", std::to_string(kPage)}, part)) return false;
      for (const Reply& each : part.items) {
        if (each.items.size() != 4) continue;
        groups_.add({"pending", group, each.items[0].text, each.items[1].text, textOf(&each.items[3])});
        from = "(" + each.items[0].text;
      }
      if (part.items.size() < kPage) return true;
    }
  }

  const std::string& name_;
  const Ask& ask_;
  ValueDigest digest_;
  ValueDigest groups_;
  DigestResult result_;
};

}  // namespace

void ValueDigest::sum(const Number& element) noexcept {
  number_[0] += element[0];
  number_[1] += element[1];
}

void ValueDigest::addNext(const std::vector<std::string_view>& parts) {
  const std::string place = std::to_string(next_++);
  std::vector<std::string_view> placed{"at", place};
  placed.insert(placed.end(), parts.begin(), parts.end());
  sum(hashOf(placed));
}

void ValueDigest::add(const std::vector<std::string_view>& parts) {
  const Number element = hashOf(parts);
  if (seen_.insert(element[0]).second) sum(element);
}

DigestResult digestOf(const std::string& name, std::string_view type, const Ask& ask) {
  return Digester(name, ask).digest(type);
}

}  // namespace slotless::migrate
