#include "config/parser_trial.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include "config/yaml_file.h"

namespace slotless::config {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr rlim_t kCpuSeconds = 3;
// A file of 1 MiB, the largest that is read, may take that much.
constexpr rlim_t kMemoryBytes = 768UL * 1024 * 1024;
constexpr char kDone = '.';

// The shadow memory of sanitizers is larger than any limit.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitMemory = false;
#else
constexpr bool kLimitMemory = true;
#endif

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const noexcept { return number_; }
  void close() noexcept {
    if (const int number = std::exchange(number_, -1); number >= 0) ::close(number);
  }

 private:
  int number_;
};

// Its beginning is where the next reader begins. -1: no memory.
int fileWith(const std::string& text) {
  const int file = memfd_create("configuration", MFD_CLOEXEC);
  if (file < 0) return -1;
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = ::write(file, text.data() + written, text.size() - written);
    if (n < 0 && errno != EINTR) {
      ::close(file);
      return -1;
    }
    written += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  ::lseek(file, 0, SEEK_SET);
  return file;
}

// The file itself may have been replaced since it was started.
std::vector<std::string> thisProgram() {
  std::vector<std::string> programs{"/proc/self/exe"};
  if (const auto* name = reinterpret_cast<const char*>(getauxval(AT_EXECFN))) programs.emplace_back(name);
  return programs;
}

// -1: it cannot be started.
pid_t start(const Trial& trial, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  // What a library says when it gives up is of no use to anybody.
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> arguments{const_cast<char*>("slotless")};
  for (const std::string& each : trial.arguments) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  pid_t child = -1;
  for (const std::string& program : trial.programs.empty() ? thisProgram() : trial.programs) {
    if (posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ) == 0) break;
    child = -1;
  }
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

enum class Outcome { Done, Died, Late };

Outcome awaitOutcome(int answer, milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return Outcome::Late;
    pollfd ready{answer, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
    char word = 0;
    const ssize_t got = ::read(answer, &word, 1);
    if (got < 0 && errno == EINTR) continue;
    return got == 1 && word == kDone ? Outcome::Done : Outcome::Died;
  }
}

void limitTo(int resource, rlim_t most) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  limit.rlim_cur = std::min(most, limit.rlim_max);
  limit.rlim_max = limit.rlim_cur;
  setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

}  // namespace

std::optional<std::string> tryParser(const std::string& text, const Trial& trial) {
  const Descriptor input(fileWith(text));
  std::array<int, 2> ends{-1, -1};
  if (input.number() < 0 || ::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const Descriptor answer(ends[0]);
  Descriptor output(ends[1]);
  const pid_t child = start(trial, input.number(), output.number());
  if (child < 0) return std::nullopt;
  output.close();
  const Outcome outcome = awaitOutcome(answer.number(), trial.patience);
  ::kill(child, SIGKILL);  // it has nothing to do any more
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  switch (outcome) {
    case Outcome::Done: break;
    case Outcome::Died: return "not valid YAML: the parser fails on it";
    case Outcome::Late: return "not valid YAML: the parser does not come to an end";
  }
  return std::nullopt;
}

int serveTrial() {
  limitTo(RLIMIT_CORE, 0);
  limitTo(RLIMIT_CPU, kCpuSeconds);
  if (kLimitMemory) limitTo(RLIMIT_AS, kMemoryBytes);
  std::string text;
  std::array<char, 16384> chunk;
  for (ssize_t n = 0; (n = ::read(STDIN_FILENO, chunk.data(), chunk.size())) > 0;)
    text.append(chunk.data(), static_cast<std::size_t>(n));
  readYaml("", text);
  return ::write(STDOUT_FILENO, &kDone, 1) == 1 ? 0 : 1;
}

}  // namespace slotless::config
