# Sourced in the source folder: what .env says and the environment does not, as Compose reads it.
while IFS= read -r assignment; do
  case $assignment in '' | '#'*) continue ;; esac
  variable=${assignment%%=*}
  [ -n "${!variable+set}" ] || export "$assignment"
done <.env
unset assignment variable
