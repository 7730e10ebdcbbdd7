#include "api/text/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "api/codec/json.h"
#include "api/text/utf8.h"
#include "api/text/yaml_read.h"
#include "api/text/yaml_scalar.h"
#include "api/text/yaml_syntax.h"
#include "base/text.h"

namespace skiff {
namespace {

tl::unexpected<Error> AtLine(int line, const std::string& what) {
  return YamlAtLine(static_cast<size_t>(line), {.reason = Reason::kBadRequest, .message = what});
}

// Nobody looks for a key by its thousandth letter.
std::string Shortened(std::string key) {
  constexpr size_t kShownMax = 100;
  if (key.size() <= kShownMax) return key;
  CutUtf8(key, kShownMax);
  return key + "...";
}

// Where something begins in a document. yaml-cpp's node of an alias is that of its anchor.
struct YamlStart {
  int line = 0;  // From 0, as yaml-cpp counts.
  bool is_alias = false;
};

// The keys, values and items of a document, in its order.
class StartsOfNodes : public YAML::EventHandler {
 public:
  std::vector<YamlStart> starts;

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnSequenceEnd() override {}
  void OnMapEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override { Add(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    starts.push_back({mark.line, true});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {
    Add(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {
    Add(mark);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    Add(mark);
  }

 private:
  void Add(const YAML::Mark& mark) { starts.push_back({mark.line, false}); }
};

// Throws as YAML::Load does, which has read the same text before.
std::vector<YamlStart> StartsIn(std::string_view document) {
  std::istringstream text{std::string(document)};
  StartsOfNodes found;
  YAML::Parser(text).HandleNextDocument(found);
  return std::move(found.starts);
}

class TreeReader {
 public:
  explicit TreeReader(const YamlPart& part)
      : lines_before_(part.lines_before), starts_(StartsIn(part.text)) {}

  Result<YamlTree> Value(const YAML::Node& node) {
    const YamlStart start = StartOf(node);
    const int depth_before = alias_depth_;
    alias_depth_ += start.is_alias ? 1 : 0;
    auto tree = Read(node, start.line);
    alias_depth_ = depth_before;
    return tree;
  }

 private:
  // Of the next one, unless we are in what an alias leads to, which was read before.
  YamlStart StartOf(const YAML::Node& node) {
    const bool is_new = alias_depth_ == 0 && next_ < starts_.size();
    YamlStart start = is_new ? starts_[next_++] : YamlStart{std::max(node.Mark().line, 0)};
    start.line += 1 + lines_before_;
    return start;
  }

  Result<YamlTree> Read(const YAML::Node& node, int line) {
    TRY(Count(line));
    YamlTree tree;
    tree.line = line;
    const std::string& tag = node.Tag();
    if (tag.size() > 1 && tag[0] == '!') tree.tag = tag;
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        TRY(ReadScalar(node, tree));
        return tree;
      case YAML::NodeType::Sequence:
      case YAML::NodeType::Map:
        break;
      default:
        return tree;
    }
    // An anchor that holds itself has no end.
    if (++depth_ > kYamlTreeDepthMax) {
      return AtLine(tree.line, "exceeded max depth of " + std::to_string(kYamlTreeDepthMax));
    }
    if (node.IsMap()) {
      tree.form = YamlTree::Form::kMap;
      TRY(ReadMap(node, tree));
    } else {
      tree.form = YamlTree::Form::kList;
      for (const auto& item : node) {
        YamlTree value = TRY(Value(item));
        tree.items.push_back(std::move(value));
      }
    }
    --depth_;
    if (std::max(tree.items.size(), tree.members.size()) > kYamlTreeEntriesMax) {
      return AtLine(tree.line, "a list or map has more than " +
                                   std::to_string(kYamlTreeEntriesMax) + " entries");
    }
    return tree;
  }

  Result<> Count(int line) {
    if (alias_depth_ > 0 && ++aliased_ > kYamlTreeAliasedMax) return Excessive(line);
    if (++values_ <= kYamlTreeValuesMax) return {};
    return AtLine(
        line, "the document comes to more than " + std::to_string(kYamlTreeValuesMax) + " values");
  }
  static tl::unexpected<Error> Excessive(int line) {
    return AtLine(line, "document contains excessive aliasing");
  }

  Result<> ReadScalar(const YAML::Node& node, YamlTree& tree) {
    std::string text = YamlText(node);
    bytes_ += text.size();
    if (bytes_ > kYamlTreeBytesMax) return Excessive(tree.line);
    auto read = YamlScalarOf(node, text);
    if (!read) return YamlAtLine(static_cast<size_t>(tree.line), read.error());
    Json value = std::move(*read);
    const std::string lower = Lower(std::string_view(text));
    const bool is_word = value.is_boolean() && lower != "true" && lower != "false";
    if (is_word || IsNoJsonNumber(value)) value = std::move(text);
    if (value.is_null()) return {};
    tree.form = YamlTree::Form::kScalar;
    tree.scalar = std::move(value);
    return {};
  }

  Result<> ReadMap(const YAML::Node& node, YamlTree& tree) {
    std::vector<YamlTree> merged;
    std::set<std::string> given;
    for (const auto& pair : node) {
      const int line = StartOf(pair.first).line;
      if (!pair.first.IsScalar()) return AtLine(line, "invalid map key");
      const std::string key = YamlText(pair.first);
      YamlTree value = TRY(Value(pair.second));
      if (key == "<<" && pair.first.Tag() == "?") {
        TRY(Collect(std::move(value), merged));
        continue;
      }
      if (!given.insert(key).second) {
        return AtLine(line, "key \"" + Shortened(key) + "\" already set in map");
      }
      tree.members.push_back({key, line, std::move(value)});
    }
    for (YamlTree& other : merged) {
      for (YamlMember& member : other.members) {
        if (given.insert(member.key).second) tree.members.push_back(std::move(member));
      }
    }
    return {};
  }

  // The maps that "<<" brings in.
  Result<> Collect(YamlTree value, std::vector<YamlTree>& merged) const {
    if (value.form == YamlTree::Form::kMap) {
      merged.push_back(std::move(value));
      return {};
    }
    if (value.form != YamlTree::Form::kList) return NoMap(value);
    for (YamlTree& item : value.items) {
      if (item.form != YamlTree::Form::kMap) return NoMap(item);
      merged.push_back(std::move(item));
    }
    return {};
  }
  tl::unexpected<Error> NoMap(const YamlTree& tree) const {
    return AtLine(tree.line, "map merge requires map or sequence of maps as the value");
  }

  const int lines_before_;
  const std::vector<YamlStart> starts_;
  size_t next_ = 0;  // Of these.
  size_t values_ = 0;
  size_t aliased_ = 0;   // Of these.
  int alias_depth_ = 0;  // Aliases that we are in.
  size_t bytes_ = 0;     // Of all scalars so far.
  int depth_ = 0;        // Lists and maps that we are in.
};

}  // namespace

Result<std::vector<YamlTree>> ParseYamlTrees(std::string_view raw) {
  const std::string text = NormalYaml(raw);
  int line = 1;
  if (const auto checked = CheckYamlCharacters(text, line); !checked) {
    return YamlAtLine(static_cast<size_t>(line), checked.error());
  }
  TRY(CheckYamlStream(text));
  std::vector<YamlTree> trees;
  for (const YamlPart& part : SplitYaml(text)) {
    TRY(ReadYamlPart(part, [&](const YAML::Node& node) -> Result<> {
      YamlTree tree = TRY(TreeReader(part).Value(node));
      if (tree.form != YamlTree::Form::kNull) trees.push_back(std::move(tree));
      return {};
    }));
  }
  return trees;
}

}  // namespace skiff
