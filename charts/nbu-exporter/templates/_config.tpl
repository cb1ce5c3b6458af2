{{/* The configuration file: `config` with template expressions evaluated, key and CA files written in, demo sites added. */}}
{{- define "nbu-exporter.config" -}}
{{- $root := . -}}
{{- $config := tpl (toYaml .Values.config) . | fromYaml -}}
{{- with $config.Error -}}
{{- fail (printf "config is no YAML map after its template expressions were evaluated: %s" .) -}}
{{- end -}}
{{- $sites := list -}}
{{- include "nbu-exporter.checkTexts" $config -}}
{{- range $site := $config.nbuservers | default list -}}
{{- $sites = append $sites (include "nbu-exporter.site" (dict "root" $root "site" $site "name" ($site.site | default "") "path" "nbuservers[].apiKey") | fromYaml) -}}
{{- end -}}
{{- if $root.Values.demo.enabled -}}
{{- $sites = concat $sites (include "nbu-exporter.demoSites" $root | fromYamlArray) -}}
{{- end -}}
{{- $names := list -}}
{{- range $sites -}}
{{- if has .site $names -}}
{{- fail (printf "site %q is twice in config.nbuservers: each needs a name of its own" (toString .site)) -}}
{{- end -}}
{{- $names = append $names .site -}}
{{- end -}}
{{- if $config.nbuserver -}}
{{- $legacy := include "nbu-exporter.site" (dict "root" $root "site" $config.nbuserver "name" ($config.nbuserver.host | default "") "path" "nbuserver.apiKey") | fromYaml -}}
{{- $_ := set $config "nbuserver" $legacy -}}
{{- end -}}
{{- if or $sites (not $config.nbuserver) -}}
{{- $_ := set $config "nbuservers" $sites -}}
{{- else -}}
{{- $_ := unset $config "nbuservers" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The texts of the configuration that the exporter takes as they stand, and that YAML turns into something else: 0123, on, 1e3. */}}
{{- define "nbu-exporter.checkTexts" -}}
{{- range $index, $site := .nbuservers | default list -}}
{{- include "nbu-exporter.checkSiteTexts" (dict "path" (printf "config.nbuservers[%d]" $index) "site" $site) -}}
{{- end -}}
{{- include "nbu-exporter.checkSiteTexts" (dict "path" "config.nbuserver" "site" (.nbuserver | default dict)) -}}
{{- range $index, $client := ((.collectors | default dict).perClient | default dict).allowlist -}}
{{- include "nbu-exporter.checkText" (dict "path" (printf "config.collectors.perClient.allowlist[%d]" $index) "value" $client) -}}
{{- end -}}
{{- end -}}

{{- define "nbu-exporter.checkSiteTexts" -}}
{{- include "nbu-exporter.checkText" (dict "path" (printf "%s.site" .path) "value" .site.site) -}}
{{- include "nbu-exporter.checkText" (dict "path" (printf "%s.apiKey" .path) "value" .site.apiKey "secret" true) -}}
{{- if and (kindIs "string" .site.apiKey) (not .site.apiKey) -}}
{{- fail (printf "%s.apiKey is empty: leave it out for the key of credentialsSecret or credentials[], or refer to a variable as ${NAME}" .path) -}}
{{- end -}}
{{- end -}}

{{/* (dict "root" . "site" MAP "name" NAME "path" PATH): one site of the configuration with its key and CA files. */}}
{{- define "nbu-exporter.site" -}}
{{- $site := deepCopy .site -}}
{{- $key := $site.apiKey | default "" | toString -}}
{{- if $key -}}
{{- include "nbu-exporter.refuseInlineKey" (dict "root" .root "key" $key "name" .name "path" .path) -}}
{{- else if not $site.apiKeyFile -}}
{{- $_ := unset $site "apiKey" -}}
{{- $_ := set $site "apiKeyFile" (include "nbu-exporter.keyFile" .) -}}
{{- end -}}
{{- $caFile := include "nbu-exporter.caFile" .root -}}
{{- $verified := eq ($site.insecureSkipVerify | default false | toString) "false" -}}
{{- if and $caFile $verified (ne ($site.scheme | default "https" | toString) "http") (not $site.caFile) (not $site.certificateSha256) -}}
{{- $_ := set $site "caFile" $caFile -}}
{{- end -}}
{{- toYaml $site -}}
{{- end -}}

{{- define "nbu-exporter.refuseInlineKey" -}}
{{- $reference := regexMatch "^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$" .key -}}
{{- if not (or $reference .root.Values.allowInlineKeys) -}}
{{- fail (printf "config.%s of site %q holds the key itself, and everyone who may read ConfigMaps could read it: put it into a Secret and name that in credentialsSecret or credentials[], or refer to a variable as ${NAME}; allowInlineKeys: true overrides this" .path (toString .name)) -}}
{{- end -}}
{{- end -}}

{{/* (dict "root" . "name" SITE): where the site's key is mounted. */}}
{{- define "nbu-exporter.keyFile" -}}
{{- $name := toString .name -}}
{{- $own := false -}}
{{- range .root.Values.credentials -}}
{{- if eq (toString .site) $name -}}
{{- $own = true -}}
{{- end -}}
{{- end -}}
{{- if not (or $own .root.Values.credentialsSecret) -}}
{{- fail (printf "site %q has no key: name a Secret that holds one under the site's name in credentialsSecret, or add the site to credentials[], or set its apiKeyFile" $name) -}}
{{- end -}}
{{- include "nbu-exporter.checkSiteName" $name -}}
{{- ternary (printf "/etc/nbu-exporter/credentials/%s/apiKey" $name) (printf "/etc/nbu-exporter/keys/%s" $name) $own -}}
{{- end -}}

{{/* Such a name becomes a path and a key of a Secret. */}}
{{- define "nbu-exporter.checkSiteName" -}}
{{- if not (regexMatch "^[A-Za-z0-9][A-Za-z0-9._-]*$" .) -}}
{{- fail (printf "site %q can not be the name of a key file: use letters, digits, '.', '_' and '-', starting with a letter or digit, or set the site's apiKeyFile" .) -}}
{{- end -}}
{{- end -}}

{{- define "nbu-exporter.caFile" -}}
{{- if include "nbu-exporter.caVolume" . -}}
/etc/nbu-exporter/ca/ca.crt
{{- end -}}
{{- end -}}

{{/* Path of the metrics, as the monitors need it. */}}
{{- define "nbu-exporter.metricsPath" -}}
{{- $path := tpl ((.Values.config.server | default dict).uri | default "/metrics" | toString) . -}}
{{- if contains "${" $path -}}
{{- fail (printf "config.server.uri is %q, but a monitor can not know the variable: write the path itself" $path) -}}
{{- end -}}
{{- printf "/%s" (trimPrefix "/" $path) -}}
{{- end -}}

{{/* Ports that must be open towards NetBackup and proxies, as a YAML list: those given, or those in the configuration. */}}
{{- define "nbu-exporter.sitePorts" -}}
{{- if kindIs "string" .Values.networkPolicy.egress.sitePorts -}}
{{- include "nbu-exporter.configuredPorts" . -}}
{{- else -}}
{{- toYaml .Values.networkPolicy.egress.sitePorts -}}
{{- end -}}
{{- end -}}

{{- define "nbu-exporter.configuredPorts" -}}
{{- $config := tpl (toYaml .Values.config) . | fromYaml -}}
{{- $sites := $config.nbuservers | default list -}}
{{- if $config.nbuserver -}}
{{- $sites = append $sites $config.nbuserver -}}
{{- end -}}
{{- $ports := list -}}
{{- $proxies := list .Values.proxy.httpProxy .Values.proxy.httpsProxy -}}
{{- range $sites -}}
{{- $ports = append $ports (include "nbu-exporter.knownPort" (.port | default 1556) | int) -}}
{{- $proxies = append $proxies (.proxyUrl | default "") -}}
{{- end -}}
{{- range without $proxies "" "none" -}}
{{- $ports = append $ports (include "nbu-exporter.proxyPort" . | int) -}}
{{- end -}}
{{- toYaml (uniq $ports | default (list 1556)) -}}
{{- end -}}

{{/* A port of the configuration, unless only the running exporter can know it. */}}
{{- define "nbu-exporter.knownPort" -}}
{{- if contains "${" (toString .) -}}
{{- fail (printf "networkPolicy.egress.sitePorts: auto can not know %s: list the ports there" (toString .)) -}}
{{- end -}}
{{- int . -}}
{{- end -}}

{{- define "nbu-exporter.proxyPort" -}}
{{- $_ := include "nbu-exporter.knownPort" (ternary . "0" (contains "${" .)) -}}
{{- $port := regexFind ":[0-9]+/?$" . | trimAll ":/" -}}
{{- $port | default (ternary "443" "80" (hasPrefix "https:" .)) -}}
{{- end -}}
