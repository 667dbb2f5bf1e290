// Runs a fuzz target where there is no libFuzzer: what the corpus has, and then changes of it by chance,
// which see nothing of what they reach.
//
// Usage: fuzz_NAME [-seed=N] [-runs=N | -max_total_time=SECONDS] FOLDER|FILE...
//
// As libFuzzer's options are called. SLOTLESS_FUZZ_SECONDS=SECONDS goes on for so long beyond the runs, with
// changes that follow from the seed all the same. An input that kills the process is in ./crash-input.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "random_resp.h"
#include "targets/target.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongest = 4096;

std::string current;

// Not what a signal's handler may call for certain, but the process is lost anyway.
void keepInput(int number) {
  if (std::FILE* file = std::fopen("crash-input", "wb")) {
    std::fwrite(current.data(), 1, current.size(), file);
    std::fclose(file);
  }
  std::signal(number, SIG_DFL);
  std::raise(number);
}

std::string contentOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(const std::string& input) {
  current = input;
  // Of exactly the size, so that a sanitizer sees a step beyond it.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

// Wounds of one input, or the front of one and the back of another.
std::string changed(slotless::test::RandomResp& random, const std::vector<std::string>& corpus) {
  if (corpus.empty() || random.oneIn(20)) return random.bytes(200);
  std::string input = corpus[random.below(corpus.size())];
  if (random.oneIn(4)) {
    const std::string& other = corpus[random.below(corpus.size())];
    input = input.substr(0, random.below(input.size() + 1)) + other.substr(random.below(other.size() + 1));
  }
  if (!input.empty() && random.oneIn(4)) {
    const std::size_t from = random.below(input.size());
    input.insert(random.below(input.size()), input.substr(from, random.below(60)));
  }
  input = random.mutated(std::move(input));
  if (input.size() > kLongest) input.resize(kLongest);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::size_t runs = 0;
  std::chrono::seconds time{0};
  if (const char* const seconds = std::getenv("SLOTLESS_FUZZ_SECONDS"))
    time = std::chrono::seconds(std::strtoull(seconds, nullptr, 10));
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return std::strtoull(word.c_str() + word.find('=') + 1, nullptr, 10); };
    if (word.starts_with("-seed=")) {
      seed = number();
    } else if (word.starts_with("-runs=")) {
      runs = number();
    } else if (word.starts_with("-max_total_time=")) {
      time = std::chrono::seconds(number());
    } else if (fs::is_directory(word)) {
      std::vector<fs::path> paths;
      for (const auto& entry : fs::directory_iterator(word)) paths.push_back(entry.path());
      std::sort(paths.begin(), paths.end());
      for (const fs::path& path : paths) corpus.push_back(contentOf(path));
    } else if (fs::is_regular_file(word)) {
      corpus.push_back(contentOf(word));
    } else {
      std::cerr << "neither an option nor a file: " << word << std::endl;
      return 2;
    }
  }
  std::signal(SIGABRT, keepInput);
  std::signal(SIGSEGV, keepInput);
  for (const std::string& input : corpus) run(input);
  slotless::test::RandomResp random(seed);
  const auto until = std::chrono::steady_clock::now() + time;
  std::size_t done = 0;
  while (done < runs || std::chrono::steady_clock::now() < until) {
    run(changed(random, corpus));
    ++done;
  }
  std::cout << corpus.size() << " inputs of the corpus and " << done << " changes of them, seed " << seed
            << std::endl;
  return 0;
}
