#include "proxy/migrate/source.h"

#include <chrono>
#include <thread>
#include <utility>

#include "proxy/migrate/node_writer.h"

namespace slotless::migrate {

using subcommand::Reply;

namespace {

constexpr std::chrono::milliseconds kBetweenAttempts{100};

}  // namespace

Source::Source(subcommand::ServerUrl url, subcommand::ConnectOptions options, std::function<bool()> stopped)
    : client_(
          [&] {
            url.database = 0;
            return std::move(url);
          }(),
          std::move(options)),
      stopped_(std::move(stopped)) {}

bool Source::attempt(std::span<SourceQuestion> questions) {
  if (!client_.isOpen()) {
    if (!client_.open().empty()) return false;
    database_ = 0;
  }
  std::vector<bool> selects;
  selects.reserve(questions.size());
  for (const SourceQuestion& each : questions) {
    selects.push_back(each.database != database_);
    if (selects.back()) client_.append({"SELECT", std::to_string(each.database)});
    database_ = each.database;
    client_.append(std::span<const std::string>(each.words));
  }
  client_.send();
  bool good = true;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    // A database that cannot be chosen would be another one's answer.
    const Reply chosen = selects[i] ? client_.receive() : Reply{};
    questions[i].reply = client_.receive();
    if (chosen.failed()) questions[i].reply = chosen;
    good = good && verdictOf(questions[i].reply) == Verdict::Final;
  }
  return good;
}

bool Source::ask(std::span<SourceQuestion> questions) {
  while (!attempt(questions)) {
    ++losses_;
    client_.close();
    if (stopped_()) return false;
    std::this_thread::sleep_for(kBetweenAttempts);
  }
  return true;
}

std::optional<Reply> Source::ask(std::uint32_t database, std::vector<std::string> words) {
  SourceQuestion question{database, std::move(words), {}};
  if (!ask(std::span<SourceQuestion>(&question, 1))) return std::nullopt;
  return std::move(question.reply);
}

}  // namespace slotless::migrate
