#include "cli/compose/short_forms.h"

#include <fmt/format.h>

#include <charconv>

#include "api/text/go_text.h"
#include "base/text.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

// Published as that a port is any that is free, as where nothing is said.
constexpr std::string_view kAnyPort = "0";

int PortOf(std::string_view text) {
  int port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  return code == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535
             ? port
             : 0;
}

// The parts of a mount between colons: SOURCE:TARGET:MODE, fewer from the left on. A colon in
// ${...} is gone by now.
struct MountWords {
  std::string source;
  std::string target;
  std::string mode;
};

std::optional<MountWords> MountWordsOf(const std::string& text) {
  const std::vector<std::string> parts = Split(text, ':');
  for (const std::string& part : parts) {
    if (part.empty()) return std::nullopt;
  }
  switch (parts.size()) {
    case 1:
      return MountWords{"", parts[0], ""};
    case 2:
      // "/data:ro" is a volume without a name.
      if (parts[1] == "ro" || parts[1] == "rw") return MountWords{"", parts[0], parts[1]};
      return MountWords{parts[0], parts[1], ""};
    case 3:
      return MountWords{parts[0], parts[1], parts[2]};
    default:
      return std::nullopt;
  }
}

bool IsPath(const std::string& source) {
  return source.starts_with('/') || source.starts_with('.') || source.starts_with('~');
}

void PutOption(Node& mount, std::string_view group, std::string_view key, Node value) {
  Node* options = mount.Find(group);
  if (options == nullptr) options = &mount.Put(group, MapNode(mount.place));
  options->Put(key, std::move(value));
}

bool IsKnownMode(const std::string& word) {
  constexpr std::string_view kWords[] = {
      "ro",      "rw",         "nocopy",     "z",      "Z",       "cached",   "delegated",
      "shared",  "consistent", "rshared",    "slave",  "rslave",  "private",  "rprivate"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

void PutMode(Node& mount, const std::string& mode) {
  for (const std::string& word : Split(mode, ',')) {
    if (!IsKnownMode(word)) continue;
    if (word == "ro") mount.Put("read_only", TextNode("true", mount.place));
    if (word == "nocopy") PutOption(mount, "volume", "nocopy", TextNode("true", mount.place));
    if (word == "z" || word == "Z") {
      PutOption(mount, "bind", "selinux", TextNode(word, mount.place));
    }
    if (word.ends_with("shared") || word.ends_with("slave") || word.ends_with("private")) {
      PutOption(mount, "bind", "propagation", TextNode(word, mount.place));
    }
    if (word == "cached" || word == "delegated" || word == "consistent") {
      mount.Put("consistency", TextNode(word, mount.place));
    }
  }
}

std::string UnknownWordsOf(const std::string& mode) {
  std::string unknown;
  for (const std::string& word : Split(mode, ',')) {
    if (IsKnownMode(word)) continue;
    unknown += (unknown.empty() ? "" : ",") + word;
  }
  return unknown;
}

}  // namespace

bool IsPortProtocol(std::string_view word) {
  const std::string lower = Lower(word);
  return lower == "tcp" || lower == "udp" || lower == "sctp";
}

std::optional<PortRange> ParsePortRange(const std::string& text) {
  const size_t dash = text.find('-');
  const int first = PortOf(std::string_view(text).substr(0, dash));
  const int last = dash == text.npos ? first : PortOf(std::string_view(text).substr(dash + 1));
  if (first == 0 || last < first) return std::nullopt;
  return PortRange{first, last};
}

Result<Node> LongPort(const Node& port) {
  if (port.IsMap()) {
    if (!port["target"].Says()) return Wrong(port, "a port needs a target");
    if (!ParsePortRange(port["target"].Text())) {
      return Wrong(port, fmt::format("invalid target port: {}", port["target"].Text()));
    }
    const Node& protocol = port["protocol"];
    if (protocol.Says() && !IsPortProtocol(protocol.Text())) {
      return Wrong(protocol, fmt::format("invalid proto: {}", GoQuote(protocol.Text())));
    }
    Node out = port;
    if (out["published"].Text() == kAnyPort) out.Remove("published");
    return out;
  }
  const std::string whole = port.Text();
  const auto bad = [&](const char* what) {
    return Wrong(port, fmt::format("invalid {}: {}", what, GoQuote(whole)));
  };
  std::string text = whole;
  std::string protocol = "tcp";
  if (const size_t slash = text.find('/'); slash != text.npos) {
    protocol = Lower(text.substr(slash + 1));
    text.resize(slash);
  }
  if (!IsPortProtocol(protocol)) return bad("proto");
  const size_t last = text.rfind(':');
  const std::string target = last == text.npos ? text : text.substr(last + 1);
  std::string published = last == text.npos ? "" : text.substr(0, last);
  std::string host;
  if (const size_t colon = published.rfind(':'); colon != published.npos) {
    host = published.substr(0, colon);
    published.erase(0, colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  }
  if (published == kAnyPort) published.clear();
  const auto inside = ParsePortRange(target);
  if (!inside) return bad("containerPort");
  const auto outside = published.empty() ? std::optional(*inside) : ParsePortRange(published);
  if (!outside) return bad("hostPort");
  if (outside->count() != inside->count() && inside->count() != 1) {
    return bad("ranges specified for container and host Ports");
  }
  Node out = MapNode(port.place);
  out.tag = port.tag;
  if (!host.empty()) out.Put("host_ip", TextNode(host, port.place));
  if (!published.empty()) out.Put("published", TextNode(published, port.place));
  out.Put("target", TextNode(target, port.place));
  out.Put("protocol", TextNode(protocol, port.place));
  return out;
}

Result<Node> LongMount(const Node& mount, const Surroundings& around) {
  Node out = mount;
  if (mount.IsText()) {
    const auto words = MountWordsOf(mount.Text());
    if (!words) {
      return Wrong(mount, fmt::format("invalid spec: {}: expected [SOURCE:]TARGET[:MODE]",
                                      GoQuote(mount.Text())));
    }
    out = MapNode(mount.place);
    out.tag = mount.tag;
    const bool is_bind = IsPath(words->source);
    out.Put("type", TextNode(is_bind ? "bind" : "volume", mount.place));
    if (!words->source.empty()) out.Put("source", TextNode(words->source, mount.place));
    Node& target = out.Put("target", TextNode(words->target, mount.place));
    // Docker passes it over, and files have such: "rwz".
    target.mark = UnknownWordsOf(words->mode);
    if (is_bind) {
      // Docker makes what is not there, but for who says a mount in full.
      PutOption(out, "bind", "create_host_path", TextNode("true", mount.place));
    }
    PutMode(out, words->mode);
  }
  const std::string type = out["type"].Text();
  if (type != "volume" && type != "bind" && type != "tmpfs" && type != "npipe" &&
      type != "cluster" && type != "image") {
    return Wrong(out, "a mount needs a type: volume, bind, tmpfs, image, npipe or cluster");
  }
  const std::string target = out["target"].Text();
  if (!target.starts_with('/')) {
    return Wrong(out, fmt::format("invalid mount target {}: it must be an absolute path",
                                  GoQuote(target)));
  }
  if (type == "bind") {
    Node* source = out.Find("source");
    if (source == nullptr || !source->Says()) return Wrong(out, "a bind mount needs a source");
    // What was written with the project's folder in mind is the project's (convert_bind.cc).
    if (!source->Text().starts_with('/')) source->mark = kRelative;
    source->value = AbsolutePath(around, source->Text());
  }
  return out;
}

}  // namespace skiff::cli::compose
