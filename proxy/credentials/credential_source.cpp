#include "proxy/credentials/credential_source.h"

#include <algorithm>
#include <utility>

#include "protocol/lines.h"
#include "proxy/credentials/command_answer.h"
#include "proxy/telemetry/log.h"

namespace slotless::credentials {

namespace {

// How often it is asked what nodes have said.
constexpr net::Millis kLook{1000};
// Shorter lines of the output are no secrets, and would be found anywhere.
constexpr std::size_t kShortestSecret = 4;
constexpr int kMostLines = 10;

// A program may say in its complaints what it prints otherwise.
bool holdsSecret(std::string_view line, std::string_view output) {
  while (!output.empty()) {
    const std::string_view secret = protocol::takeLine(output);
    if (secret.size() >= kShortestSecret && line.find(secret) != std::string_view::npos) return true;
  }
  return false;
}

void logComplaints(const net::ProgramRun::Ended& ended, net::TimePoint now) {
  static log::RateLimit limit(kMostLines);
  const log::Level level = ended.error.empty() ? log::Level::Info : log::Level::Warn;
  std::string_view rest = ended.complaints;
  for (int lines = 0; !rest.empty() && lines < kMostLines; ++lines) {
    const std::string_view line = protocol::takeLine(rest);
    if (line.empty()) continue;
    log::write(limit, now, level, "password-command says",
               {{"line", holdsSecret(line, ended.output) ? "(not shown, since it holds a secret)" : line}});
  }
}

}  // namespace

CredentialSource::CredentialSource(net::Loop& loop, StartProgram start, std::function<void()> changed,
                                   std::uint32_t randomSeed, CommandCounts& counts)
    : loop_(loop),
      start_(std::move(start)),
      changed_(std::move(changed)),
      random_(randomSeed),
      counts_(counts),
      book_([this](std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound == 0 ? 0 : bound - 1)(random_);
      }) {
  timer_ = loop_.makeTimer([this] { tick(); });
}

CredentialSource::~CredentialSource() = default;

void CredentialSource::setSettings(SourceSettings settings) {
  const bool otherCommand = settings.command != settings_.command;
  const bool otherUser = settings.configured.username != settings_.configured.username;
  settings_ = std::move(settings);
  if (settings_.command.empty()) {
    timer_->stop();
    run_.reset();
    if (book_.found(settings_.configured, {}, loop_.now())) changed_();
    return;
  }
  if (otherCommand || otherUser || !known()) askAgain();
}

void CredentialSource::askAgain() {
  if (settings_.command.empty()) return;
  run_.reset();
  run();
}

void CredentialSource::schedule() {
  net::Millis delay = kLook;
  if (const auto next = book_.nextAt())
    delay = std::clamp(std::chrono::ceil<net::Millis>(*next - loop_.now()), net::Millis{0}, kLook);
  timer_->start(delay);
}

void CredentialSource::tick() {
  const net::TimePoint now = loop_.now();
  if (known() && access().verdicts->refused.exchange(false)) book_.refused(now);
  const auto next = book_.nextAt();
  if (next && now >= *next) return run();
  schedule();
}

void CredentialSource::run() {
  book_.asked(loop_.now());
  ++counts_.runs;
  std::string error;
  run_ = start_(
      settings_.command, settings_.timeout,
      [this](const net::ProgramRun::Ended& ended) {
        const std::unique_ptr<net::ProgramRun> done = std::move(run_);
        onEnded(ended);
      },
      error);
  if (run_ == nullptr) return onFailed(error);
  schedule();
}

void CredentialSource::onEnded(const net::ProgramRun::Ended& ended) {
  logComplaints(ended, loop_.now());
  if (!ended.error.empty()) return onFailed(ended.error);
  const CommandAnswer answer = parseCommandAnswer(ended.output);
  if (!answer.error.empty()) return onFailed(answer.error);
  const upstream::Credentials credentials{answer.username.value_or(settings_.configured.username),
                                          answer.password};
  const net::TimePoint now = loop_.now();
  counts_.expiresAt = answer.expiresIn ? now + *answer.expiresIn : net::TimePoint{};
  const bool others = book_.found(credentials, answer.expiresIn, now);
  log::info("password-command has told the password",
            {{"changed", others ? "yes" : "no"},
             {"expires_in_s",
              answer.expiresIn ? std::chrono::duration_cast<std::chrono::seconds>(*answer.expiresIn).count()
                               : -1}});
  schedule();
  if (others) changed_();
}

void CredentialSource::onFailed(const std::string& why) {
  ++counts_.failures;
  book_.failed(loop_.now());
  log::warn(known() ? "password-command failed, the last password stays"
                    : "password-command failed, there is no password yet",
            {{"program", settings_.command.front()}, {"error", why}, {"failures", book_.failures()}});
  schedule();
}

}  // namespace slotless::credentials
