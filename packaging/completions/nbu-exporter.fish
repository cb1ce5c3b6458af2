# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_nbu_exporter_global_optspecs
    string join \n c/config= config.kubernetes= config.kubernetes-secret= config.last-good= config.last-good-kubernetes= kubernetes.events= fleet.group= fleet.lease-duration= d/debug trace log.level= log.format= web.listen-address= web.telemetry-path= shutdown-delay= web.config.file= web.probe-listen-address= webhook.listen-address= webhook.certificate-dir= webhook.secret= webhook.configuration= webhook.host= webhook.certificate-lifetime= h/help V/version
end

function __fish_nbu_exporter_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_nbu_exporter_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_nbu_exporter_using_subcommand
    set -l cmd (__fish_nbu_exporter_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -s c -l config -d 'The configuration file' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l config.kubernetes -d 'The ConfigMap that holds the configuration, followed by the Kubernetes API; with or without the file' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l config.kubernetes-secret -d 'The Secret that holds the configuration, followed in the same way; instead of a ConfigMap' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l config.last-good -d 'The file that keeps the last good configuration for a start on an invalid one, or `off`; by default `last-good.yaml` in the directory that systemd names by `STATE_DIRECTORY`, else off' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l config.last-good-kubernetes -d 'The ConfigMap, made without data, that keeps the last good configuration; only with `--config.kubernetes`' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l kubernetes.events -d 'Tells the cluster by Events what came of each reload; only with `--config.kubernetes` or `--config.kubernetes-secret`' -r -f -a "true\t''
false\t''"
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l fleet.group -d 'The fleet whose members share the sites, so that replicas ask each of them once: a label of Leases in Kubernetes' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l fleet.lease-duration -d 'For how long a member of the fleet that is silent keeps its sites' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l log.level -d 'How much is logged; wins over the key `log.level`' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l log.format -d 'One line per event as logfmt or JSON; wins over the key `log.format`' -r -f -a "logfmt\t''
json\t''"
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l web.listen-address -d 'The address to listen on, `:PORT` for all of IPv6 and IPv4; wins over the keys `server.host` and `server.port`. May be given again' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l web.telemetry-path -d 'The path of the metrics page; wins over the key `server.uri`' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l shutdown-delay -d 'For how long it serves on after SIGTERM, not ready, while others learn that it goes; 5s inside of Kubernetes and 0s elsewhere by default' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l web.config.file -d 'The web config in the format of Prometheus\' exporter-toolkit: TLS, client certificates, login, headers and rate of the exporter\'s own pages. It wins over the key `server.webConfigFile`' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l web.probe-listen-address -d 'An address where probes alone are answered (`/-/healthy`, `/-/ready` and their kin), always in the clear and without a login, for the kubelet and for `healthcheck`' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l webhook.listen-address -d 'Where an admission webhook is served, by TLS, that refuses an edit of the configuration\'s object which the reload would refuse; only with `--config.kubernetes` or `--config.kubernetes-secret`, and with a certificate' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l webhook.certificate-dir -d 'The directory with the webhook\'s certificate and key, `tls.crt` and `tls.key`, which are followed' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l webhook.secret -d 'The Secret, made without data, in which the exporter makes and renews the webhook\'s certificate; instead of a directory' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l webhook.configuration -d 'The `ValidatingWebhookConfiguration` that is told the authority of that certificate' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l webhook.host -d 'A host by which the API server knows the webhook, such as `SERVICE.NAMESPACE.svc`. May be given again' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l webhook.certificate-lifetime -d 'For how long such a certificate is made; it is renewed when two thirds are over' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -s d -l debug -d 'Logs what a developer wants to see; short for `--log.level debug`'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -l trace -d 'Logs each answer of the NetBackup API with its body; never headers'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -s h -l help -d 'Print help'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -s V -l version -d 'Print version'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "run" -d 'Collects and serves; the default'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "check-config" -d 'Checks a configuration file and reports every mistake with its place'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "doctor" -d 'Examines the way to each site (DNS, TCP, TLS, API version, key, permissions) and says what to do where it ends'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "demo" -d 'Shows it all with no NetBackup at hand: two simulated sites and the exporter, on loopback'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "simulate" -d 'Serves a simulated NetBackup REST API'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "list-metrics" -d 'Lists the metrics with their labels and where they come from'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "reload" -d 'Asks the running exporter to reload its configuration, and prints the outcome'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "status" -d 'Asks the running exporter what runs and what is wrong, and shows it as a table or as JSON'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "healthcheck" -d 'Asks the running exporter whether it is healthy, for containers without a shell: 0 when it is, 1 otherwise'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "schema" -d 'Prints the JSON Schema of the configuration file'
complete -c nbu-exporter -n "__fish_nbu_exporter_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -s c -l config -d 'The configuration file' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l config.kubernetes -d 'The ConfigMap that holds the configuration, followed by the Kubernetes API; with or without the file' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l config.kubernetes-secret -d 'The Secret that holds the configuration, followed in the same way; instead of a ConfigMap' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l config.last-good -d 'The file that keeps the last good configuration for a start on an invalid one, or `off`; by default `last-good.yaml` in the directory that systemd names by `STATE_DIRECTORY`, else off' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l config.last-good-kubernetes -d 'The ConfigMap, made without data, that keeps the last good configuration; only with `--config.kubernetes`' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l kubernetes.events -d 'Tells the cluster by Events what came of each reload; only with `--config.kubernetes` or `--config.kubernetes-secret`' -r -f -a "true\t''
false\t''"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l fleet.group -d 'The fleet whose members share the sites, so that replicas ask each of them once: a label of Leases in Kubernetes' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l fleet.lease-duration -d 'For how long a member of the fleet that is silent keeps its sites' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l log.level -d 'How much is logged; wins over the key `log.level`' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l log.format -d 'One line per event as logfmt or JSON; wins over the key `log.format`' -r -f -a "logfmt\t''
json\t''"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l web.listen-address -d 'The address to listen on, `:PORT` for all of IPv6 and IPv4; wins over the keys `server.host` and `server.port`. May be given again' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l web.telemetry-path -d 'The path of the metrics page; wins over the key `server.uri`' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l shutdown-delay -d 'For how long it serves on after SIGTERM, not ready, while others learn that it goes; 5s inside of Kubernetes and 0s elsewhere by default' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l web.config.file -d 'The web config in the format of Prometheus\' exporter-toolkit: TLS, client certificates, login, headers and rate of the exporter\'s own pages. It wins over the key `server.webConfigFile`' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l web.probe-listen-address -d 'An address where probes alone are answered (`/-/healthy`, `/-/ready` and their kin), always in the clear and without a login, for the kubelet and for `healthcheck`' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l webhook.listen-address -d 'Where an admission webhook is served, by TLS, that refuses an edit of the configuration\'s object which the reload would refuse; only with `--config.kubernetes` or `--config.kubernetes-secret`, and with a certificate' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l webhook.certificate-dir -d 'The directory with the webhook\'s certificate and key, `tls.crt` and `tls.key`, which are followed' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l webhook.secret -d 'The Secret, made without data, in which the exporter makes and renews the webhook\'s certificate; instead of a directory' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l webhook.configuration -d 'The `ValidatingWebhookConfiguration` that is told the authority of that certificate' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l webhook.host -d 'A host by which the API server knows the webhook, such as `SERVICE.NAMESPACE.svc`. May be given again' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l webhook.certificate-lifetime -d 'For how long such a certificate is made; it is renewed when two thirds are over' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -s d -l debug -d 'Logs what a developer wants to see; short for `--log.level debug`'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -l trace -d 'Logs each answer of the NetBackup API with its body; never headers'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand run" -s h -l help -d 'Print help'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand check-config" -l web.config.file -d 'The web config to check with it, as the flag of the running exporter' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand check-config" -l skip-references -d 'Leaves out what is not in a repository: variables, key files and CA files'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand doctor" -s c -l config -d 'The configuration file' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand doctor" -l site -d 'Examines this site alone' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand doctor" -l address -d 'Asks the exporter that runs there as well, whether the API server asks its admission webhook' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand doctor" -l format -d 'The form of the report' -r -f -a "text\t'A table for people'
json\t'For programs'"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand demo" -l port -d 'The port of the exporter on 127.0.0.1' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand demo" -l seed -d 'The seed of the simulated sites' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand demo" -s h -l help -d 'Print help'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l sites -d 'How many primary servers' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l listen -d 'Address to listen on' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l port -d 'Port of the first server, the others take the following ones; 0 takes free ports' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l seed -d 'Equal seeds give equal jobs and storage' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l scenario -d 'What is simulated' -r -f -a "ordinary\t'An ordinary week of a site of middle size'
bad-night\t'Two days in which policies and the catalog backup fail, a pool is full, a drive is down, an SLP is stuck and a key ends soon'
disaster\t'The bad night and what it spares: most backups fail, a pool is down, one almost full and one filling, certificates were not renewed'
huge\t'A big site: 500 policies, 20 000 jobs a day, 200 storage units'
empty\t'A server that nobody has configured yet'"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l jobs-per-day -d 'Jobs per day and server; the scenario has a number of its own' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l job-retention -d 'For how many hours a server keeps a job after its end' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l storage-units -d 'Storage units per server; the scenario has a number of its own' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l policies -d 'Policies per server, as far as the jobs suffice for their schedules' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l api-version -d 'Newest API version that the servers know, 7.0 (NetBackup 10.0) to 14.0 (11.2)' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l api-key -d 'API key that the servers accept' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l speed -d 'How many times faster than real the servers\' time runs' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l tls -d 'Certificate that the servers show' -r -f -a "off\t'Plain HTTP'
valid\t'A certificate of the simulation\'s own authority, valid for the listen address, `localhost` and the server name'
self-signed\t'A self-signed leaf certificate (`CA:FALSE`)'
self-signed-ca\t'A self-signed certificate that calls itself an authority (`CA:TRUE`), as appliances have them'
expired\t'Of the own authority, but expired'
wrong-name\t'Of the own authority, but for another host'"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -l fault -d 'A fault, for instance `status,code=503,retryAfter=seconds:30,path=/admin/jobs,times=3`; may be given again' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand simulate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand list-metrics" -l format -d 'The form of the list' -r -f -a "text\t'Lines for people'
markdown\t'A Markdown table, as in `docs/metrics.md`'
json\t'For programs'"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand list-metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -l address -d 'Where the running exporter listens' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -l web.config.file -d 'The web config of the running exporter: where it has TLS, the command speaks TLS and trusts the certificate that it names, whatever host that is for' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -l ca-file -d 'The authorities that vouch for the exporter\'s certificate, in PEM form, for an address with `https://`; those of the system by default' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -l client-cert-file -d 'The certificate to show where the exporter asks for one, in PEM form' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -l client-key-file -d 'Its key' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -l user -d 'The user to log in as' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -l password-file -d 'The file with the password of that user' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand reload" -s h -l help -d 'Print help'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l address -d 'Where the running exporter listens' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l web.config.file -d 'The web config of the running exporter: where it has TLS, the command speaks TLS and trusts the certificate that it names, whatever host that is for' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l ca-file -d 'The authorities that vouch for the exporter\'s certificate, in PEM form, for an address with `https://`; those of the system by default' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l client-cert-file -d 'The certificate to show where the exporter asks for one, in PEM form' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l client-key-file -d 'Its key' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l user -d 'The user to log in as' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l password-file -d 'The file with the password of that user' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l site -d 'Shows this site alone, with what counts at it' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -l output -d 'The form of the answer' -r -f -a "text\t'A table for people'
json\t'For programs: what `/api/v1/status` answers'"
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l address -d 'Where the running exporter listens' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l web.config.file -d 'The web config of the running exporter: where it has TLS, the command speaks TLS and trusts the certificate that it names, whatever host that is for' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l ca-file -d 'The authorities that vouch for the exporter\'s certificate, in PEM form, for an address with `https://`; those of the system by default' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l client-cert-file -d 'The certificate to show where the exporter asks for one, in PEM form' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l client-key-file -d 'Its key' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l user -d 'The user to log in as' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l password-file -d 'The file with the password of that user' -r -F
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -l web.probe-listen-address -d 'The address where the running exporter answers probes; it is asked there, in the clear and without a login' -r
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand healthcheck" -s h -l help -d 'Print help'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand schema" -s h -l help -d 'Print help'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "run" -d 'Collects and serves; the default'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "check-config" -d 'Checks a configuration file and reports every mistake with its place'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "doctor" -d 'Examines the way to each site (DNS, TCP, TLS, API version, key, permissions) and says what to do where it ends'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "demo" -d 'Shows it all with no NetBackup at hand: two simulated sites and the exporter, on loopback'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "simulate" -d 'Serves a simulated NetBackup REST API'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "list-metrics" -d 'Lists the metrics with their labels and where they come from'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "reload" -d 'Asks the running exporter to reload its configuration, and prints the outcome'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "status" -d 'Asks the running exporter what runs and what is wrong, and shows it as a table or as JSON'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "healthcheck" -d 'Asks the running exporter whether it is healthy, for containers without a shell: 0 when it is, 1 otherwise'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "schema" -d 'Prints the JSON Schema of the configuration file'
complete -c nbu-exporter -n "__fish_nbu_exporter_using_subcommand help; and not __fish_seen_subcommand_from run check-config doctor demo simulate list-metrics reload status healthcheck schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
