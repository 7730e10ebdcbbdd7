# What `cmake --install build/<preset>` puts where, and the Debian package of it: `cpack` in the build
# folder, which leaves skiff_VERSION_amd64.deb there. Both take the program, packaging/ and what the
# program says of itself (packaging/manuals.sh).
include(GNUInstallDirs)

file(STRINGS ${CMAKE_SOURCE_DIR}/base/version.h skiff_version REGEX "kSkiffVersion")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" skiff_version "${skiff_version}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/version.h)

install(TARGETS skiff RUNTIME DESTINATION bin)
install(CODE "
set(SOURCE \"${CMAKE_SOURCE_DIR}\")
set(BUILD \"${CMAKE_BINARY_DIR}\")
set(SKIFF \"$<TARGET_FILE:skiff>\")")
install(SCRIPT ${CMAKE_SOURCE_DIR}/packaging/install.cmake)

set(CPACK_GENERATOR DEB)
# So that files of /etc go there, and units name the program where it will be.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_NAME skiff)
set(CPACK_PACKAGE_VERSION ${skiff_version})
set(CPACK_PACKAGE_CONTACT "skiff maintainers <maintainers@users.noreply.h-seed-6fa8df03.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Kubernetes control plane, node agent and service proxy")
set(CPACK_PACKAGE_DESCRIPTION
"skiff is a Kubernetes cluster in one program: API server, controllers, scheduler,
kubelet, service proxy and cluster DNS, and kubectl's verbs.
.
systemctl start skiff makes this machine a cluster of one node; others join it.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What nodes that run containers start; simulated ones need nothing.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS
    "containerd, runc, containernetworking-plugins, iptables, nftables, iproute2, conntrack, haproxy, procps")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/packaging/debian/postinst ${CMAKE_SOURCE_DIR}/packaging/debian/prerm
    ${CMAKE_SOURCE_DIR}/packaging/debian/postrm ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
