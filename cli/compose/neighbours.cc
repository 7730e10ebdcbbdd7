#include "cli/compose/neighbours.h"

#include <utility>

namespace skiff::cli::compose {
namespace {

// "db:database" -> "db"
std::string UpToColon(const Node& node) {
  const std::string text = node.Text();
  return text.substr(0, text.find(':'));
}

void AddDependency(Node& service, const Node& at, const std::string& other) {
  Node* dependencies = service.Find("depends_on");
  if (dependencies == nullptr || dependencies->IsNull()) {
    dependencies = &service.Put("depends_on", MapNode(at.place));
  }
  if (dependencies->Find(other) != nullptr) return;
  Node dependency = MapNode(at.place);
  dependency.Put("condition", TextNode("service_started", at.place));
  dependencies->Put(other, std::move(dependency));
}

void AddNeighboursOf(Node& service) {
  const Node links = service["links"];
  for (const Node& link : links.items) AddDependency(service, link, UpToColon(link));
  for (const char* key : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
    const Node shared = service[key];
    if (const auto other = SharedService(shared)) AddDependency(service, shared, *other);
  }
  const Node lenders = service["volumes_from"];
  for (const Node& lender : lenders.items) {
    if (lender.Text().starts_with("container:")) continue;
    AddDependency(service, lender, UpToColon(lender));
  }
}

}  // namespace

std::optional<std::string> SharedService(const Node& node) {
  constexpr std::string_view kPrefix = "service:";
  const std::string text = node.Text();
  if (!text.starts_with(kPrefix)) return std::nullopt;
  return text.substr(kPrefix.size());
}

void AddNeighbours(Node& root) {
  Node* services = root.Find("services");
  if (services == nullptr) return;
  for (Member& service : services->members) AddNeighboursOf(service.node);
}

}  // namespace skiff::cli::compose
