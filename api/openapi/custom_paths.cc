#include "api/openapi/custom_paths.h"

#include <fmt/format.h>

#include "api/openapi/openapi_schema.h"
#include "api/openapi/path_parts.h"

namespace skiff::openapi {
namespace {

class CustomPaths {
 public:
  explicit CustomPaths(const RuntimeKind& kind)
      : kind_(kind), own_(KindOf(kind.api_version, kind.kind)) {}

  void AddTo(std::vector<Path>& out) const {
    const std::string start = fmt::format("/apis/{}/{}/", kind_.group, kind_.version);
    const std::string resource(kind_.resource);
    std::string collection = start + resource;
    if (kind_.namespaced) {
      Operation list = List(IdOf("list", own_.kind + "ForAllNamespaces"));
      out.push_back(MakePath(collection, {std::move(list)}, false));
      collection = start + "namespaces/{namespace}/" + resource;
    }
    const std::string item = collection + "/{name}";
    out.push_back(MakePath(
        collection, {List(IdOf("list", Named(""))), Create(), DeleteCollection()}, false));
    out.push_back(
        MakePath(item, {Get("", Own()), Update("", Own()), Delete(), Patch("", Own())}, true));
    for (const Subresource& part : kind_.subresources) {
      const std::string name(part.name);
      const std::string definition = DefinitionOf(KindOf(part.api_version, part.kind));
      out.push_back(MakePath(item + "/" + name,
                             {Get(Capital(name), definition), Update(Capital(name), definition),
                              Patch(Capital(name), definition)},
                             true));
    }
  }

 private:
  std::string Own() const { return DefinitionOf(own_); }

  std::string Named(std::string_view rest) const {
    return (kind_.namespaced ? "Namespaced" : "") + own_.kind + std::string(rest);
  }

  std::string IdOf(std::string_view verb, std::string_view rest) const {
    return std::string(verb) + IdPart(GroupInIds(own_.group), true) + IdPart(own_.version, true) +
           IdPart(rest, true);
  }

  // All say that they are of the custom kind, those of its scale too.
  Operation Make(std::string_view method, std::string_view action, std::string id,
                 std::string response, std::vector<int> codes) const {
    return {.method = method,
            .id = std::move(id),
            .tag = IdPart(GroupInIds(own_.group), false) + "_" + IdPart(own_.version, false),
            .doc = fmt::format("{}: {}.", Capital(action), own_.kind),
            .action = action,
            .kind = own_,
            .consumes = {kJson, kYaml},
            .produces = {kJson, kYaml},
            .codes = std::move(codes),
            .response = std::move(response)};
  }

  Operation List(std::string id) const {
    Operation out = Make("get", "list", std::move(id), ListDefinitionOf(kind_), {200});
    out.parameters.assign(std::begin(kListParameters), std::end(kListParameters));
    return out;
  }

  Operation Create() const {
    Operation out = Make("post", "post", IdOf("create", Named("")), Own(), {200, 201, 202});
    out.body = out.response;
    out.parameters = {kDryRun, kFieldManager, kFieldValidation};
    return out;
  }

  // Unlike that of built-in kinds it takes what a list takes, and no body.
  Operation DeleteCollection() const {
    Operation out = Make("delete", "deletecollection", IdOf("delete", "collection" + Named("")),
                         MetaDefinition("Status"), {200});
    out.parameters.assign(std::begin(kListParameters), std::end(kListParameters));
    return out;
  }

  Operation Get(std::string_view part, const std::string& definition) const {
    Operation out = Make("get", "get", IdOf("read", Named(part)), definition, {200});
    out.parameters = {kResourceVersion};
    return out;
  }

  Operation Update(std::string_view part, const std::string& definition) const {
    Operation out = Make("put", "put", IdOf("replace", Named(part)), definition, {200, 201});
    out.body = out.response;
    out.parameters = {kDryRun, kFieldManager, kFieldValidation};
    return out;
  }

  Operation Patch(std::string_view part, const std::string& definition) const {
    Operation out = Make("patch", "patch", IdOf("patch", Named(part)), definition, {200});
    out.body = MetaDefinition("Patch");
    out.consumes = {"application/json-patch+json", "application/merge-patch+json",
                    "application/apply-patch+yaml"};
    out.parameters = {kDryRun, kPatchManager, kFieldValidation, kForce};
    return out;
  }

  Operation Delete() const {
    Operation out = Make("delete", "delete", IdOf("delete", Named("")), MetaDefinition("Status"),
                         {200, 202});
    out.body = MetaDefinition("DeleteOptions");
    out.body_required = false;
    out.parameters.assign(std::begin(kDeleteParameters), std::end(kDeleteParameters));
    return out;
  }

  const RuntimeKind& kind_;
  const meta_v1::GroupVersionKind own_;
};

}  // namespace

void AddCustomPaths(const RuntimeKind& kind, std::vector<Path>& out) {
  CustomPaths(kind).AddTo(out);
}

}  // namespace skiff::openapi
