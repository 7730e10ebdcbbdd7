#include "controllers/scheduler/extenders/extender_wire.h"

#include <fmt/format.h>
#include <strings.h>

#include <charconv>
#include <functional>

#include "api/codec/json.h"
#include "api/codec/struct_text.h"
#include "controllers/scheduler/pod_writer.h"

namespace skiff::scheduler {
namespace {

bool IsField(std::string_view key, std::string_view name) {
  return key.size() == name.size() && strncasecmp(key.data(), name.data(), key.size()) == 0;
}

tl::unexpected<Error> WrongType(JsonToken token, std::string_view field) {
  static constexpr std::string_view kWords[] = {"null",   "bool",  "number", "string",
                                                "object", "array", "value"};
  return Fail(Reason::kInvalid, fmt::format("json: cannot unmarshal {} into Go struct field {}",
                                            kWords[static_cast<size_t>(token)], field));
}

tl::unexpected<Error> TooMany(std::string_view field) {
  return Fail(Reason::kInvalid,
              fmt::format("the answer has more than {} {}", kExtenderItemsMax, field));
}

std::string Cut(std::string_view text) {
  return Shortened(text, kExtenderTextBytesMax);
}

// Reads a value whose first token was read, and what belongs to it.
using ReadValue = std::function<Result<>(JsonReader& in, JsonToken token)>;

Result<> Broken(const JsonReader& in) {
  if (!in.failed()) return {};
  return Fail(Reason::kInvalid, in.error());
}

// `member` is called for each key of the object that `token` began; null is an empty one.
Result<> ReadMembers(JsonReader& in, JsonToken token, std::string_view field,
                     const std::function<Result<>(std::string_view key)>& member) {
  if (token == JsonToken::kNull) return {};
  if (token == JsonToken::kError) return Broken(in);
  if (token != JsonToken::kObject) return WrongType(token, field);
  std::string_view key;
  while (in.NextKey(key)) TRY(member(key));
  return Broken(in);
}

Result<> ReadItems(JsonReader& in, JsonToken token, std::string_view field, const ReadValue& item) {
  if (token == JsonToken::kNull) return {};
  if (token == JsonToken::kError) return Broken(in);
  if (token != JsonToken::kArray) return WrongType(token, field);
  for (size_t count = 0; in.NextItem(); ++count) {
    if (count == kExtenderItemsMax) return TooMany(field);
    TRY(item(in, in.Next()));
  }
  return Broken(in);
}

// null leaves it as it is.
Result<> ReadText(JsonReader& in, JsonToken token, std::string_view field, std::string& to) {
  if (token == JsonToken::kNull) return {};
  if (token == JsonToken::kError) return Broken(in);
  if (token != JsonToken::kString) return WrongType(token, field);
  to = Cut(in.string());
  return {};
}

Result<> ReadInteger(JsonReader& in, JsonToken token, std::string_view field, int64_t& to) {
  if (token == JsonToken::kNull) return {};
  if (token == JsonToken::kError) return Broken(in);
  if (token != JsonToken::kNumber) return WrongType(token, field);
  const std::string_view text = in.number();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  if (error == std::errc() && end == text.data() + text.size()) return {};
  return Fail(Reason::kInvalid,
              fmt::format("json: cannot unmarshal number {} into Go struct field {} of type int64",
                          text.substr(0, 64), field));
}

Result<> ReadTexts(JsonReader& in, JsonToken token, std::string_view field,
                   std::map<std::string, std::string>& to) {
  to.clear();
  return ReadMembers(in, token, field, [&](std::string_view key) -> Result<> {
    if (to.size() == kExtenderItemsMax) return TooMany(field);
    std::string& value = to[Cut(key)];
    return ReadText(in, in.Next(), field, value);
  });
}

// The name of a node that is written out.
Result<> ReadNodeName(JsonReader& in, JsonToken token, std::string& to) {
  constexpr std::string_view kField = "ExtenderFilterResult.Nodes.items";
  return ReadMembers(in, token, kField, [&](std::string_view key) -> Result<> {
    if (!IsField(key, "metadata")) return in.Skip(), Broken(in);
    return ReadMembers(in, in.Next(), kField, [&](std::string_view inner) -> Result<> {
      if (!IsField(inner, "name")) return in.Skip(), Broken(in);
      return ReadText(in, in.Next(), kField, to);
    });
  });
}

Result<> ReadNodes(JsonReader& in, JsonToken token, std::optional<std::vector<std::string>>& to) {
  to.reset();
  if (token == JsonToken::kNull) return {};
  to.emplace();
  constexpr std::string_view kField = "ExtenderFilterResult.Nodes";
  return ReadMembers(in, token, kField, [&](std::string_view key) -> Result<> {
    if (!IsField(key, "items")) return in.Skip(), Broken(in);
    to->clear();
    return ReadItems(in, in.Next(), kField, [&](JsonReader& reader, JsonToken item) {
      return ReadNodeName(reader, item, to->emplace_back());
    });
  });
}

Result<> ReadNames(JsonReader& in, JsonToken token, std::string_view field,
                   std::optional<std::vector<std::string>>& to) {
  to.reset();
  if (token == JsonToken::kNull) return {};
  to.emplace();
  return ReadItems(in, token, field, [&](JsonReader& reader, JsonToken item) {
    return ReadText(reader, item, field, to->emplace_back());
  });
}

// The object that is the whole answer; what stands behind it nobody reads.
Result<> ReadAnswer(std::string_view text, std::string_view type,
                    const std::function<Result<>(JsonReader& in, std::string_view key)>& member) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Fail(Reason::kInvalid, "EOF");
  }
  JsonReader in(text);
  const JsonToken token = in.Next();
  return ReadMembers(in, token, fmt::format("of type v1.{}", type),
                     [&](std::string_view key) { return member(in, key); });
}

Result<> ReadMetaVictims(JsonReader& in, JsonToken token, MetaVictims& to) {
  constexpr std::string_view kPods = "MetaVictims.NodeNameToMetaVictims.Pods";
  return ReadMembers(in, token, kPods, [&](std::string_view key) -> Result<> {
    if (IsField(key, "NumPDBViolations")) {
      return ReadInteger(in, in.Next(), "MetaVictims.NumPDBViolations", to.budget_violations);
    }
    if (!IsField(key, "Pods")) return in.Skip(), Broken(in);
    to.uids.clear();
    return ReadItems(in, in.Next(), kPods, [&](JsonReader& reader, JsonToken item) {
      std::string& uid = to.uids.emplace_back();
      return ReadMembers(reader, item, kPods, [&](std::string_view inner) -> Result<> {
        if (!IsField(inner, "UID")) return reader.Skip(), Broken(reader);
        return ReadText(reader, reader.Next(), "MetaPod.UID", uid);
      });
    });
  });
}

void AppendPod(const core_v1::Pod& pod, std::string& out) {
  AppendStruct(core_v1::Pod::Describe(), &pod, out);
}

// A map of nodes to what `append` writes of their victims, and how many budgets that breaks.
void AppendVictims(std::span<const Victims> candidates, std::string& out,
                   void (*append)(const core_v1::Pod& pod, std::string& out)) {
  out += '{';
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(candidates[i].node, out);
    out += ":{\"Pods\":[";
    for (size_t p = 0; p < candidates[i].pods.size(); ++p) {
      if (p > 0) out += ',';
      append(*candidates[i].pods[p]->pod, out);
    }
    out += fmt::format("],\"NumPDBViolations\":{}}}", candidates[i].budget_violations);
  }
  out += '}';
}

}  // namespace

std::string NodesQuestion(const core_v1::Pod& pod, std::span<const NodePtr> nodes, bool by_names) {
  std::string out = "{\"Pod\":";
  AppendPod(pod, out);
  out += by_names ? ",\"Nodes\":null,\"NodeNames\":[" : ",\"Nodes\":{\"metadata\":{},\"items\":[";
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i > 0) out += ',';
    if (by_names) {
      AppendJsonString(nodes[i]->metadata.name, out);
    } else {
      AppendStruct(core_v1::Node::Describe(), nodes[i].get(), out);
    }
  }
  out += by_names ? "]}" : "]},\"NodeNames\":null}";
  return out;
}

std::string PreemptionQuestion(const core_v1::Pod& pod, std::span<const Victims> candidates,
                               bool by_uids) {
  std::string out = "{\"Pod\":";
  AppendPod(pod, out);
  out += ",\"NodeNameToVictims\":";
  if (by_uids) {
    out += "null,\"NodeNameToMetaVictims\":";
    AppendVictims(candidates, out, [](const core_v1::Pod& victim, std::string& to) {
      to += "{\"UID\":";
      AppendJsonString(victim.metadata.uid, to);
      to += '}';
    });
  } else {
    AppendVictims(candidates, out, AppendPod);
    out += ",\"NodeNameToMetaVictims\":null";
  }
  return out + '}';
}

std::string BindingQuestion(const core_v1::Pod& pod, const std::string& node) {
  return DumpJson({{"PodName", pod.metadata.name},
                   {"PodNamespace", pod.metadata.namespace_},
                   {"PodUID", pod.metadata.uid},
                   {"Node", node}});
}

Result<FilterAnswer> ReadFilterAnswer(std::string_view text) {
  FilterAnswer answer;
  TRY(ReadAnswer(text, "ExtenderFilterResult", [&](JsonReader& in, std::string_view key) {
    if (IsField(key, "Nodes")) return ReadNodes(in, in.Next(), answer.nodes);
    if (IsField(key, "NodeNames")) {
      return ReadNames(in, in.Next(), "ExtenderFilterResult.NodeNames", answer.node_names);
    }
    if (IsField(key, "FailedNodes")) {
      return ReadTexts(in, in.Next(), "ExtenderFilterResult.FailedNodes", answer.failed);
    }
    if (IsField(key, "FailedAndUnresolvableNodes")) {
      return ReadTexts(in, in.Next(), "ExtenderFilterResult.FailedAndUnresolvableNodes",
                       answer.failed_and_unresolvable);
    }
    if (IsField(key, "Error")) {
      return ReadText(in, in.Next(), "ExtenderFilterResult.Error", answer.error);
    }
    in.Skip();
    return Broken(in);
  }));
  return answer;
}

Result<std::map<std::string, int64_t>> ReadPriorities(std::string_view text) {
  std::map<std::string, int64_t> sums;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Fail(Reason::kInvalid, "EOF");
  }
  JsonReader in(text);
  constexpr std::string_view kType = "of type v1.HostPriorityList";
  TRY(ReadItems(in, in.Next(), kType, [&](JsonReader& reader, JsonToken item) -> Result<> {
    std::string host;
    int64_t score = 0;
    TRY(ReadMembers(reader, item, kType, [&](std::string_view key) -> Result<> {
      if (IsField(key, "Host")) return ReadText(reader, reader.Next(), "HostPriority.Host", host);
      if (IsField(key, "Score")) {
        return ReadInteger(reader, reader.Next(), "HostPriority.Score", score);
      }
      return reader.Skip(), Broken(reader);
    }));
    // As Go adds: around the end of the numbers.
    int64_t& sum = sums[host];
    sum = static_cast<int64_t>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(score));
    return {};
  }));
  return sums;
}

Result<std::string> ReadBindingAnswer(std::string_view text) {
  std::string error;
  TRY(ReadAnswer(text, "ExtenderBindingResult", [&](JsonReader& in, std::string_view key) {
    if (IsField(key, "Error")) {
      return ReadText(in, in.Next(), "ExtenderBindingResult.Error", error);
    }
    in.Skip();
    return Broken(in);
  }));
  return error;
}

Result<std::map<std::string, MetaVictims>> ReadPreemptionAnswer(std::string_view text) {
  std::map<std::string, MetaVictims> nodes;
  constexpr std::string_view kField = "ExtenderPreemptionResult.NodeNameToMetaVictims";
  TRY(ReadAnswer(text, "ExtenderPreemptionResult", [&](JsonReader& in, std::string_view key) {
    if (!IsField(key, "NodeNameToMetaVictims")) return in.Skip(), Broken(in);
    nodes.clear();
    return ReadMembers(in, in.Next(), kField, [&](std::string_view node) -> Result<> {
      if (nodes.size() == kExtenderItemsMax) return TooMany(kField);
      MetaVictims& victims = nodes[Cut(node)];
      return ReadMetaVictims(in, in.Next(), victims);
    });
  }));
  return nodes;
}

}  // namespace skiff::scheduler
