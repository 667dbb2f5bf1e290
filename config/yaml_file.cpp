#include "config/yaml_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "config/program_words.h"
#include "config/quantity.h"
#include "config/value.h"

namespace slotless::config {

namespace {

constexpr std::string_view kShadow = "shadow";
constexpr std::string_view kShadowSample = "shadow-sample";
constexpr std::string_view kShadowForm = "{upstream: cluster, sample: 1%}";
constexpr std::string_view kShares = "a share such as 1% (up to 100%), one of how many such as 100, or 0";

std::string asIs(std::string_view option) {
  return std::string(option);
}

// Where what stands in the documents of a text begins.
class Beginnings final : public YAML::EventHandler {
 public:
  std::vector<YAML::Mark> marks;

  void OnDocumentStart(const YAML::Mark&) override { atStart_ = true; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { note(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { note(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    note(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnMapEnd() override {}

 private:
  void note(const YAML::Mark& mark) {
    if (std::exchange(atStart_, false)) marks.push_back(mark);
  }

  bool atStart_ = false;
};

// Of the first two documents: one too many is enough to know. yaml-cpp 0.7 finds documents without end where
// a text goes on with what none can begin with ("," and some others), so YAML::LoadAll() would not return.
std::vector<YAML::Mark> firstBeginnings(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Beginnings beginnings;
  while (beginnings.marks.size() < 2 && parser.HandleNextDocument(beginnings)) {
  }
  return beginnings.marks;
}

class YamlReader {
 public:
  explicit YamlReader(const std::string& name) : name_(name) {}

  void read(const std::string& text) {
    std::vector<YAML::Mark> beginnings;
    YAML::Node document;
    try {
      beginnings = firstBeginnings(text);
      document = YAML::Load(text);
    } catch (const YAML::ParserException& e) {
      return refuse(at(e.mark), "not valid YAML: " + withoutContent(e.msg));
    } catch (const YAML::Exception& e) {
      return refuse(at(e.mark), "not valid YAML");
    }
    if (beginnings.size() > 1) {
      if (beginnings[0].pos == beginnings[1].pos) return refuse(at(beginnings[0]), "not valid YAML");
      return refuse(at(beginnings[1]), "found a second YAML document; allowed: one per file");
    }
    if (beginnings.empty() || document.IsNull()) return;
    if (!document.IsMap()) {
      return refuse(at(document.Mark()),
                    "found " + nounFor(document) + "; allowed: lines of the form \"option: value\"");
    }
    for (const auto& entry : document) readEntry(entry.first, entry.second);
  }

  YamlSettings result;

 private:
  void readEntry(const YAML::Node& key, const YAML::Node& value) {
    if (!key.IsScalar()) {
      return addError(at(key.Mark()), "",
                      "found " + nounFor(key) + " as a key; allowed: the name of an option");
    }
    const std::string& name = key.Scalar();
    const auto [first, isFirst] = lines_.emplace(name, key.Mark().line + 1);
    const Option* option = findOption(name);
    if (name == kShadow) {
      readShadow(key, value, isFirst ? 0 : first->second);
    } else if (option == nullptr) {
      if (isFirst) addUnknown(result.settings, at(key.Mark()), name, "option", asIs);
    } else if (!isFirst) {
      addError(at(key.Mark()), name,
               "found a second time; allowed: once, and line " + std::to_string(first->second) + " has it");
    } else if (option->isList() && value.IsSequence() && value.size() > 0) {
      for (const auto& item : value) readScalar(*option, item, item.Mark());
    } else if (option->kind == Kind::Program && value.IsSequence()) {
      readProgram(*option, value);
    } else if (option->mayBeEmpty() && value.IsSequence()) {
      result.settings.settings.push_back({option, "", {Layer::File, at(key.Mark())}});
    } else {
      readScalar(*option, value, value.IsScalar() ? value.Mark() : key.Mark());
    }
  }

  // `before`: the line that has one already; 0: none.
  void readShadow(const YAML::Node& key, const YAML::Node& value, int before) {
    const auto reject = [&](const YAML::Mark& mark, const std::string& found, std::string_view allowed) {
      result.settings.doubtful.insert(kShadowSample);
      addError(at(mark), std::string(kShadow), found + "; allowed: " + std::string(allowed));
    };
    if (before == 0) {
      const auto [flat, isFirst] = lines_.emplace(kShadowSample, key.Mark().line + 1);
      if (!isFirst) before = flat->second;
    }
    if (before != 0) {
      return reject(key.Mark(), "found a second time",
                    "once, and line " + std::to_string(before) + " has it, or " + std::string(kShadowSample));
    }
    if (!value.IsMap()) return reject(key.Mark(), "found " + nounFor(value), kShadowForm);
    std::set<std::string> seen;
    for (const auto& member : value) {
      const YAML::Node& name = member.first;
      if (!name.IsScalar()) return reject(name.Mark(), "found " + nounFor(name) + " as a key", kShadowForm);
      if (name.Scalar() != "upstream" && name.Scalar() != "sample")
        return reject(name.Mark(), "found \"" + shownName(name.Scalar()) + "\" in it", kShadowForm);
      if (!seen.insert(name.Scalar()).second)
        return reject(name.Mark(), "found \"" + name.Scalar() + "\" a second time in it", kShadowForm);
    }
    const YAML::Node upstream = value["upstream"];
    if (upstream && (!upstream.IsScalar() || upstream.Scalar() != "cluster"))
      return reject(upstream.Mark(), "found another upstream",
                    "cluster, the side that upstream migrating leads to");
    const YAML::Node sample = value["sample"];
    if (!sample) return reject(key.Mark(), "found no sample", kShadowForm);
    if (!sample.IsScalar())
      return reject(sample.Mark(), "found " + nounFor(sample) + " as a sample", kShares);
    const std::string& text = sample.Scalar();
    const auto share = text.ends_with('%') ? parseShare(text) : parseCount(text);
    const Option& option = *findOption(kShadowSample);
    if (!share.value || (*share.value != 0 && (*share.value < option.min || *share.value > option.max)))
      return reject(sample.Mark(), "found the sample " + inQuotes(text), kShares);
    result.settings.settings.push_back(
        {&option, std::to_string(*share.value), {Layer::File, at(sample.Mark())}});
  }

  void readScalar(const Option& option, const YAML::Node& value, const YAML::Mark& mark) {
    if (!value.IsScalar()) {
      result.settings.doubtful.insert(option.name);
      return addError(at(mark), std::string(option.name),
                      "found " + nounFor(value) + "; allowed: " + allowed(option));
    }
    result.settings.settings.push_back({&option, value.Scalar(), {Layer::File, at(mark)}});
  }

  void readProgram(const Option& option, const YAML::Node& list) {
    std::vector<std::string> words;
    for (const auto& item : list) {
      if (!item.IsScalar()) return readScalar(option, item, item.Mark());
      words.push_back(item.Scalar());
    }
    result.settings.settings.push_back({&option, formatProgramWords(words), {Layer::File, at(list.Mark())}});
  }

  static std::string nounFor(const YAML::Node& node) {
    if (node.IsSequence()) return node.size() == 0 ? "an empty list" : "a list";
    if (node.IsMap()) return "a mapping";
    return node.IsScalar() ? "a text" : "nothing";
  }

  // A few of the parser's messages end with a piece of the file, which may be of a secret.
  static std::string withoutContent(const std::string& message) {
    return message.substr(0, message.find(':'));
  }

  std::string at(const YAML::Mark& mark) const {
    return name_ + ":" + std::to_string(mark.is_null() ? 1 : mark.line + 1);
  }

  void addError(std::string source, std::string option, std::string problem) {
    result.settings.errors.push_back({std::move(source), std::move(option), std::move(problem)});
  }

  void refuse(std::string source, std::string problem) {
    result.isReadable = false;
    addError(std::move(source), "", std::move(problem));
  }

  std::string name_;
  std::map<std::string, int> lines_;  // Where each key was first seen.
};

}  // namespace

YamlSettings readYaml(const std::string& name, const std::string& text) {
  YamlReader reader(name);
  reader.read(text);
  return std::move(reader.result);
}

}  // namespace slotless::config
