{{/* Rules of network policies that the stages and Airflow have in common: what they may connect to. */}}

{{/* A list of peers: those that are given, else every public address, so neither the cluster nor a node's metadata. */}}
{{- define "nightjar.peers" -}}
{{- if . -}}
{{ toYaml . }}
{{- else -}}
- ipBlock:
    cidr: 0.0.0.0/0
    except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
- ipBlock:
    cidr: ::/0
    except: [fc00::/7, fe80::/10]
{{- end -}}
{{- end -}}

{{/* TCP ports of a rule. */}}
{{- define "nightjar.tcp" -}}
{{- range . }}
- protocol: TCP
  port: {{ int . }}
{{- end }}
{{- end -}}

{{- define "nightjar.egressToDns" -}}
{{- with .Values.stages.networkPolicies.dns -}}
- to: {{ toYaml .to | nindent 4 }}
  ports:
    {{- range $port := .ports }}
    - protocol: UDP
      port: {{ int $port }}
    - protocol: TCP
      port: {{ int $port }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/* To S3, and to whoever gives credentials for it. */}}
{{- define "nightjar.egressToS3" -}}
{{- $s3 := .Values.stages.networkPolicies.s3 -}}
- to: {{ include "nightjar.peers" ($s3.to | default (include "nightjar.s3Peers" . | fromYamlArray)) | nindent 4 }}
  ports: {{ include "nightjar.tcp" ($s3.ports | default (list (include "nightjar.s3Port" . | int))) | nindent 4 }}
{{- end -}}

{{/* The S3 server as a peer, where its address tells: an IP address, or a Service of the cluster. */}}
{{- define "nightjar.s3Peers" -}}
{{- $host := regexReplaceAll "^https?://|:[0-9]+$" (.Values.s3.endpoint | trimSuffix "/") "" -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+){3}$" $host -}}
- ipBlock:
    cidr: {{ $host }}/32
{{- else if regexMatch "^[^.]+\\.[^.]+\\.svc(\\.|$)" $host -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ index (splitList "." $host) 1 }}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* The port of the S3 server, by its address. */}}
{{- define "nightjar.s3Port" -}}
{{- $endpoint := .Values.s3.endpoint | trimSuffix "/" -}}
{{- if regexMatch ":[0-9]+$" $endpoint -}}
{{ regexFind "[0-9]+$" $endpoint }}
{{- else if hasPrefix "http://" $endpoint -}}
80
{{- else -}}
443
{{- end -}}
{{- end -}}
